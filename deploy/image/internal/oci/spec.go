package oci

import (
	"strings"
	"time"

	"github.com/impulse-sh/impulse/deploy/image/internal/gobinary"
)

const (
	// Source is the repository of the project.
	Source = "https://github.com/impulse-sh/impulse"
	// Licenses is the SPDX expression of the project's license.
	Licenses = "Apache-2.0"
	// User is the user and group that the program runs as. Its number is that of distroless images.
	User = "65532:65532"
)

// Spec is what an image is made from.
type Spec struct {
	Name        string // Name of the program: it is the file /NAME in the image, and the entrypoint.
	Title       string
	Description string
	Version     string
	Revision    string // Commit, or "" if it is unknown.
	Created     time.Time
	License     []byte
	Programs    []gobinary.Binary // One for each platform.
}

// Entrypoint returns the path of the program in the image.
func (s Spec) Entrypoint() string { return "/" + s.Name }

// Tag returns the tag of the image: the version without the v of a release, as the chart and the manifests name it.
func (s Spec) Tag() string { return strings.TrimPrefix(s.Version, "v") }

// Labels returns the labels of the image's configuration. Its manifests have the same as annotations.
func (s Spec) Labels() map[string]string {
	labels := map[string]string{
		"title":       s.Title,
		"description": s.Description,
		"source":      Source,
		"licenses":    Licenses,
		"version":     s.Version,
		"revision":    s.Revision,
		"created":     s.Created.UTC().Format(time.RFC3339),
	}
	result := map[string]string{}
	for name, value := range labels {
		if value != "" {
			result["org.opencontainers.image."+name] = value
		}
	}
	return result
}
