package oci

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// registry is where releases are pushed to.
const registry = "ghcr.io/impulse-sh/"

// Files are the paths that Write has written to, all below one folder.
type Files struct {
	Layout string
	Digest string // The digest of the image, which is in this file, too.
	// Archives and SBOMs are those of the platforms, in the order of Image.Platforms.
	Archives, SBOMs []string
}

// Write stores the image below dir: as an OCI layout, and for each platform as an archive for docker load and an SBOM.
func (i Image) Write(dir string) (Files, error) {
	digest, err := i.Index.Digest()
	if err != nil {
		return Files{}, fmt.Errorf("compute the digest of the image: %w", err)
	}
	tag, err := name.NewTag(registry + i.Spec.Name + ":" + i.Spec.Tag())
	if err != nil {
		return Files{}, fmt.Errorf("the version cannot be the tag of an image: %w", err)
	}
	files := Files{Layout: filepath.Join(dir, "layout"), Digest: digest.String()}
	if err := i.WriteLayout(files.Layout); err != nil {
		return Files{}, err
	}
	for _, p := range i.Platforms {
		base := filepath.Join(dir, fmt.Sprintf("%s_%s_%s", i.Spec.Name, p.OS, p.Arch))
		if err := tarball.WriteToFile(base+".tar", tag, p.Image); err != nil {
			return Files{}, fmt.Errorf("write the archive for docker load: %w", err)
		}
		if err := os.WriteFile(base+".cdx.json", p.SBOM, 0o644); err != nil {
			return Files{}, fmt.Errorf("write the SBOM: %w", err)
		}
		files.Archives, files.SBOMs = append(files.Archives, base+".tar"), append(files.SBOMs, base+".cdx.json")
	}
	if err := os.WriteFile(filepath.Join(dir, "digest"), []byte(files.Digest+"\n"), 0o644); err != nil {
		return Files{}, fmt.Errorf("write the digest: %w", err)
	}
	return files, nil
}
