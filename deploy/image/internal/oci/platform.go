package oci

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ImageFor returns the image of a platform, such as linux/amd64.
func ImageFor(index v1.ImageIndex, platform string) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("list the platforms of the image: %w", err)
	}
	var has []string
	for _, d := range manifest.Manifests {
		if d.Platform == nil {
			continue
		}
		name := d.Platform.OS + "/" + d.Platform.Architecture
		if name == platform {
			return index.Image(d.Digest)
		}
		has = append(has, name)
	}
	return nil, fmt.Errorf("the image is not for the platform %s: it is for %s", platform, strings.Join(has, ", "))
}
