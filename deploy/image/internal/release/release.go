package release

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/deploy/image/internal/gobinary"
	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
	"github.com/impulse-sh/impulse/deploy/image/internal/sbom"
)

const (
	pluginName  = "impulse"
	licenseName = "LICENSE"
	source      = oci.Source
	// checksums is the file with the checksums of all others, as sha256sum --check reads it.
	checksums = "checksums.txt"
)

// Release is what a release is made from.
type Release struct {
	Version  string
	Created  time.Time
	License  []byte
	Programs []gobinary.Binary // One for each platform.
}

// archive is an archive that has been written.
type archive struct {
	os, arch, program string
	file, sha256      string
}

// completes reports whether the archive has the program for completion, which is a script for a shell of Unix.
func (a archive) completes() bool { return a.os != "windows" }

// Write writes the files of the release to dir and returns their names, sorted. Files that are there already, such as the package of
// the chart, get a checksum, too.
func (r Release) Write(dir string) ([]string, error) {
	if len(r.Programs) == 0 {
		return nil, errors.New("a release needs at least one program")
	}
	programs := slices.Clone(r.Programs)
	slices.SortFunc(programs, func(a, b gobinary.Binary) int { return cmp.Compare(a.Platform(), b.Platform()) })
	var archives []archive
	for i, p := range programs {
		if i > 0 && programs[i-1].Platform() == p.Platform() {
			return nil, fmt.Errorf("%s and %s are both compiled for %s", programs[i-1].Path, p.Path, p.Platform())
		}
		a, err := r.writeArchive(dir, p)
		if err != nil {
			return nil, err
		}
		archives = append(archives, a)
	}
	manifest, err := krewManifest(r.Version, archives)
	if err != nil {
		return nil, err
	}
	if err := write(dir, pluginName+".yaml", manifest); err != nil {
		return nil, err
	}
	return writeChecksums(dir)
}

// writeArchive writes the archive of a program and, beside it, its SBOM.
func (r Release) writeArchive(dir string, p gobinary.Binary) (archive, error) {
	content, err := os.ReadFile(p.Path)
	if err != nil {
		return archive{}, fmt.Errorf("read a program of the release: %w", err)
	}
	a := archive{os: p.OS, arch: p.Arch, program: filepath.Base(p.Path)}
	base := strings.Join([]string{pluginName, r.Version, p.OS, p.Arch}, "_")
	members := []member{{name: a.program, mode: 0o755, content: content}, {name: licenseName, mode: 0o644, content: r.License}}
	if a.completes() {
		members = append(members, member{name: completerName, mode: 0o755, content: []byte(completer)})
	}
	pack, suffix := tarGz, ".tar.gz"
	if p.OS == "windows" {
		pack, suffix = zipped, ".zip"
	}
	packed, err := pack(r.Created, members...)
	if err != nil {
		return archive{}, err
	}
	a.file, a.sha256 = base+suffix, sum(packed)
	if err := write(dir, a.file, packed); err != nil {
		return archive{}, err
	}
	bill, err := sbom.Of(p, sbom.Options{Version: r.Version, Licenses: oci.Licenses, Created: r.Created})
	if err != nil {
		return archive{}, err
	}
	return a, write(dir, base+".cdx.json", bill)
}

// writeChecksums writes the checksums of all files in dir.
func writeChecksums(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the files of the release: %w", err)
	}
	var lines strings.Builder
	names := []string{checksums}
	for _, e := range entries {
		if e.Name() == checksums || !e.Type().IsRegular() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read a file of the release: %w", err)
		}
		fmt.Fprintf(&lines, "%s  %s\n", sum(content), e.Name())
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, write(dir, checksums, []byte(lines.String()))
}

func write(dir, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		return fmt.Errorf("write a file of the release: %w", err)
	}
	return nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}
