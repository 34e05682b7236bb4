package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/impulse-sh/impulse/deploy/image/internal/gobinary"
)

// MediaType is that of the result.
const MediaType = "application/vnd.cyclonedx+json"

// Options are what a program does not record about itself.
type Options struct {
	Version  string
	Licenses string    // SPDX expression of the program's own license.
	Created  time.Time // Time of the commit, so that the same commit gives the same bytes.
	// Beside are modules whose data is delivered beside the program, such as CA certificates.
	Beside []debug.Module
}

// Of returns the SBOM of a program.
func Of(program gobinary.Binary, o Options) ([]byte, error) {
	content, err := os.ReadFile(program.Path)
	if err != nil {
		return nil, fmt.Errorf("read the program of the SBOM: %w", err)
	}
	main := mainComponent(program, o, sha256.Sum256(content))
	modules := []debug.Module{{Path: "std", Version: goVersion(program.Info.GoVersion)}}
	for _, m := range program.Info.Deps {
		modules = append(modules, *m)
	}
	var components []cdx.Component
	var refs []string
	for _, m := range append(modules, o.Beside...) {
		c := component(m)
		components, refs = append(components, c), append(refs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp:  o.Created.UTC().Format(time.RFC3339),
		Component:  &main,
		Properties: properties(program),
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	// 1.6 rather than the newest version: scanners learn to read a version years after it is published.
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("write the SBOM of %s: %w", program.Path, err)
	}
	return out.Bytes(), nil
}

func mainComponent(program gobinary.Binary, o Options, sum [sha256.Size]byte) cdx.Component {
	subpath := strings.Trim(strings.TrimPrefix(program.Info.Path, program.Info.Main.Path), "/")
	purl := packageURL(program.Info.Main.Path, o.Version, subpath)
	return cdx.Component{
		BOMRef:     purl,
		Type:       cdx.ComponentTypeApplication,
		Name:       program.Info.Main.Path,
		Version:    o.Version,
		PackageURL: purl,
		Licenses:   &cdx.Licenses{{Expression: o.Licenses}},
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
	}
}

// properties returns how the program was compiled, under the names that CycloneDX's taxonomy has for Go modules.
func properties(program gobinary.Binary) *[]cdx.Property {
	all := []cdx.Property{{Name: "cdx:gomod:build:env:GOVERSION", Value: program.Info.GoVersion}}
	for _, key := range []string{"GOOS", "GOARCH", "CGO_ENABLED"} {
		all = append(all, cdx.Property{Name: "cdx:gomod:build:env:" + key, Value: program.Setting(key)})
	}
	for tag := range strings.SplitSeq(program.Setting("-tags"), ",") {
		if tag != "" {
			all = append(all, cdx.Property{Name: "cdx:gomod:build:tag", Value: tag})
		}
	}
	return &all
}

// goVersion returns the version of the standard library: go1.26.8 is 1.26.8.
func goVersion(version string) string {
	version, _, _ = strings.Cut(version, " ") // Experiments follow a space.
	return strings.TrimPrefix(version, "go")
}
