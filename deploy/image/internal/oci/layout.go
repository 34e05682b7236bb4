package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// refName is the annotation with which an OCI layout names an image.
const refName = "org.opencontainers.image.ref.name"

// WriteLayout stores the image and its SBOMs as an OCI layout in dir, in place of an OCI layout that is there.
func (i Image) WriteLayout(dir string) error {
	if err := clearLayout(dir); err != nil {
		return err
	}
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("begin the OCI layout %s: %w", dir, err)
	}
	if err := at.AppendIndex(i.Index, layout.WithAnnotations(map[string]string{refName: i.Spec.Tag()})); err != nil {
		return fmt.Errorf("write the image to %s: %w", dir, err)
	}
	for _, p := range i.Platforms {
		r, err := newReferrer(p, i.Spec.Labels())
		if err != nil {
			return err
		}
		if err := at.AppendImage(r); err != nil {
			return fmt.Errorf("write an SBOM to %s: %w", dir, err)
		}
	}
	return nil
}

// clearLayout removes an OCI layout. It removes no other folder.
func clearLayout(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an older OCI layout: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return fmt.Errorf("%s has files and is no OCI layout: name another folder", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the older OCI layout: %w", err)
	}
	return nil
}

// Stored is an image as an OCI layout has it.
type Stored struct {
	Index     v1.ImageIndex
	Referrers []v1.Image // Artifacts about the image, such as SBOMs.
}

// ReadLayout opens the OCI layout in dir. It has one image of several platforms and artifacts about it.
func ReadLayout(dir string) (Stored, error) {
	root, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return Stored{}, fmt.Errorf("open the OCI layout %s: %w; make image makes one", dir, err)
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		return Stored{}, fmt.Errorf("read the OCI layout %s: %w", dir, err)
	}
	var s Stored
	for _, d := range manifest.Manifests {
		switch {
		case d.MediaType.IsIndex() && s.Index == nil:
			s.Index, err = root.ImageIndex(d.Digest)
		case d.MediaType.IsImage() && d.ArtifactType != "":
			var artifact v1.Image
			artifact, err = root.Image(d.Digest)
			s.Referrers = append(s.Referrers, artifact)
		default:
			err = fmt.Errorf("%s is neither the image nor an artifact about it", d.Digest)
		}
		if err != nil {
			return Stored{}, fmt.Errorf("read the OCI layout %s: %w", dir, err)
		}
	}
	if s.Index == nil {
		return Stored{}, fmt.Errorf("the OCI layout %s has no image", dir)
	}
	return s, nil
}
