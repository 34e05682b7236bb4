package oci

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/impulse-sh/impulse/deploy/image/internal/gobinary"
	"github.com/impulse-sh/impulse/deploy/image/internal/sbom"
)

// Image is an image of several platforms.
type Image struct {
	Spec      Spec
	Index     v1.ImageIndex
	Platforms []Platform // Sorted by name.
}

// Platform is the image of one platform.
type Platform struct {
	OS, Arch string
	Image    v1.Image
	SBOM     []byte
}

// Assemble makes the image.
func Assemble(s Spec) (Image, error) {
	base, err := baseLayer(s.License)
	if err != nil {
		return Image{}, err
	}
	programs := slices.Clone(s.Programs)
	slices.SortFunc(programs, func(a, b gobinary.Binary) int { return cmp.Compare(a.Platform(), b.Platform()) })
	if len(programs) == 0 {
		return Image{}, errors.New("an image needs at least one program")
	}
	image := Image{Spec: s, Index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for i, program := range programs {
		if i > 0 && programs[i-1].Platform() == program.Platform() {
			return Image{}, fmt.Errorf("%s and %s are both compiled for %s", programs[i-1].Path, program.Path, program.Platform())
		}
		platform, err := assemblePlatform(s, base, program)
		if err != nil {
			return Image{}, err
		}
		image.Platforms = append(image.Platforms, platform)
		image.Index = mutate.AppendManifests(image.Index, mutate.IndexAddendum{
			Add:        platform.Image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: platform.OS, Architecture: platform.Arch}},
		})
	}
	annotated, ok := mutate.Annotations(image.Index, s.Labels()).(v1.ImageIndex)
	if !ok {
		return Image{}, errors.New("annotate the image: the result is no index")
	}
	image.Index = annotated
	return image, nil
}

func assemblePlatform(s Spec, base v1.Layer, program gobinary.Binary) (Platform, error) {
	if err := program.CheckRunsFromScratch(); err != nil {
		return Platform{}, err
	}
	top, err := programLayer(s.Name, program)
	if err != nil {
		return Platform{}, err
	}
	created := v1.Time{Time: s.Created.UTC()}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: program.OS, Architecture: program.Arch, Created: created,
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{User: User, Entrypoint: []string{s.Entrypoint()}, WorkingDir: "/", Labels: s.Labels()},
	})
	if err != nil {
		return Platform{}, fmt.Errorf("configure the image of %s: %w", program.Platform(), err)
	}
	image, err = mutate.Append(image,
		mutate.Addendum{Layer: base, History: v1.History{Created: created, CreatedBy: "impulse-image", Comment: "license, user, CA certificates"}},
		mutate.Addendum{Layer: top, History: v1.History{Created: created, CreatedBy: "impulse-image", Comment: s.Entrypoint()}},
	)
	if err != nil {
		return Platform{}, fmt.Errorf("add the layers of %s: %w", program.Platform(), err)
	}
	annotated, ok := mutate.Annotations(image, s.Labels()).(v1.Image)
	if !ok {
		return Platform{}, errors.New("annotate the image: the result is no image")
	}
	bill, err := sbom.Of(program, sbom.Options{Version: s.Version, Licenses: Licenses, Created: s.Created, Beside: besides()})
	if err != nil {
		return Platform{}, err
	}
	return Platform{OS: program.OS, Arch: program.Arch, Image: annotated, SBOM: bill}, nil
}
