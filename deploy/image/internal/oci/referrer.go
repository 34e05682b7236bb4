package oci

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/impulse-sh/impulse/deploy/image/internal/sbom"
)

// emptyConfig is the media type of the configuration of an artifact that has none, whose content is {}.
const emptyConfig types.MediaType = "application/vnd.oci.empty.v1+json"

// referrer is an OCI artifact with the SBOM of an image, which registries list under the digest of the image. The library's functions that
// change images cannot set the artifact's type.
type referrer struct {
	bill     v1.Layer
	manifest []byte
}

// newReferrer returns the artifact with a platform's SBOM.
func newReferrer(p Platform, annotations map[string]string) (v1.Image, error) {
	subject, err := partial.Descriptor(p.Image)
	if err != nil {
		return nil, fmt.Errorf("describe the image of the SBOM: %w", err)
	}
	bill := static.NewLayer(p.SBOM, sbom.MediaType)
	content, err := partial.Descriptor(bill)
	if err != nil {
		return nil, fmt.Errorf("describe the SBOM: %w", err)
	}
	config, size, err := v1.SHA256(bytes.NewReader(emptyJSON))
	if err != nil {
		return nil, fmt.Errorf("describe the configuration of the SBOM: %w", err)
	}
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  sbom.MediaType,
		Config:        v1.Descriptor{MediaType: emptyConfig, Digest: config, Size: size},
		Layers:        []v1.Descriptor{*content},
		Subject:       &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations:   annotations,
	})
	if err != nil {
		return nil, fmt.Errorf("describe the SBOM: %w", err)
	}
	return partial.CompressedToImage(referrer{bill: bill, manifest: manifest})
}

var emptyJSON = []byte("{}")

// RawConfigFile implements partial.CompressedImageCore.
func (referrer) RawConfigFile() ([]byte, error) { return emptyJSON, nil }

// MediaType implements partial.CompressedImageCore.
func (referrer) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest implements partial.CompressedImageCore.
func (r referrer) RawManifest() ([]byte, error) { return r.manifest, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (r referrer) LayerByDigest(v1.Hash) (partial.CompressedLayer, error) { return r.bill, nil }
