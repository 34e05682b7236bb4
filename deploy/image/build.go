package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
)

// products are the programs that images are made of.
var products = []oci.Spec{
	{Name: "impulse", Title: "Impulse", Description: "An event-driven autoscaler for Kubernetes"},
	{Name: "impulse-keda-bridge", Title: "Impulse's KEDA bridge", Description: "Runs KEDA's scalers for Impulse, an event-driven autoscaler for Kubernetes"},
}

func buildCommand() *cobra.Command {
	var o origin
	var name, revision, out string
	cmd := &cobra.Command{
		Use:     "build --version VERSION --license FILE PROGRAM...",
		Short:   "Make an image from a program that is compiled for several platforms",
		Example: "  impulse-image build --version v1.2.3 --license LICENSE --out bin/image bin/image/amd64/impulse bin/image/arm64/impulse",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.IndexFunc(products, func(s oci.Spec) bool { return s.Name == name })
			if i < 0 {
				return fmt.Errorf("--name %s is none of %s and %s", name, products[0].Name, products[1].Name)
			}
			spec := products[i]
			spec.Version, spec.Revision, spec.Created = o.version, revision, o.time()
			var err error
			if spec.License, err = o.licenseText(); err != nil {
				return err
			}
			if spec.Programs, err = openAll(args); err != nil {
				return err
			}
			image, err := oci.Assemble(spec)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fmt.Errorf("make the folder of the image: %w", err)
			}
			files, err := image.Write(out)
			if err != nil {
				return err
			}
			report(cmd.OutOrStdout(), image, files)
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&name, "name", products[0].Name, "name of the program")
	cmd.Flags().StringVar(&revision, "revision", "", "commit of the program's source")
	cmd.Flags().StringVar(&out, "out", "bin/image/impulse", "folder that the image is written to")
	return cmd
}

// report prints what was made and where it is.
func report(out io.Writer, image oci.Image, files oci.Files) {
	var platforms []string
	for _, p := range image.Platforms {
		platforms = append(platforms, p.OS+"/"+p.Arch)
	}
	fmt.Fprintf(out, "%s %s for %s\n", image.Spec.Name, image.Spec.Version, strings.Join(platforms, " and "))
	fmt.Fprintf(out, "  digest   %s\n", files.Digest)
	fmt.Fprintf(out, "  layout   %s\n", files.Layout)
	for _, archive := range files.Archives {
		fmt.Fprintf(out, "  archive  docker load --input %s\n", archive)
	}
	for _, bill := range files.SBOMs {
		fmt.Fprintf(out, "  SBOM     %s\n", bill)
	}
}
