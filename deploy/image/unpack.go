package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
	"github.com/impulse-sh/impulse/deploy/image/internal/unpack"
)

func unpackCommand() *cobra.Command {
	var layout, image, platform string
	cmd := &cobra.Command{
		Use:   "unpack DIR",
		Short: "Write the files of an image to a folder",
		Example: "  impulse-image unpack --layout bin/image/impulse/layout /tmp/impulse\n" +
			"  impulse-image unpack --image ghcr.io/impulse-sh/impulse:v1.2.3 --platform linux/arm64 /tmp/impulse",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			index, err := open(cmd.Context(), layout, image)
			if err != nil {
				return err
			}
			selected, err := oci.ImageFor(index, platform)
			if err != nil {
				return err
			}
			return unpack.Image(selected, args[0])
		},
	}
	cmd.Flags().StringVar(&layout, "layout", "bin/image/impulse/layout", "folder with the image as an OCI layout")
	cmd.Flags().StringVar(&image, "image", "", "name of the image in a registry, in place of --layout")
	cmd.Flags().StringVar(&platform, "platform", "linux/"+runtime.GOARCH, "platform of the files")
	cmd.MarkFlagsMutuallyExclusive("layout", "image")
	return cmd
}

// open opens the image in a registry, or in an OCI layout if image is "".
func open(ctx context.Context, layout, image string) (v1.ImageIndex, error) {
	if image == "" {
		stored, err := oci.ReadLayout(layout)
		return stored.Index, err
	}
	reference, err := name.ParseReference(image)
	if err != nil {
		return nil, fmt.Errorf("--image: %w", err)
	}
	index, err := remote.Index(reference, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("read %s from its registry: %w", image, err)
	}
	return index, nil
}
