package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/image/internal/release"
)

func releaseCommand() *cobra.Command {
	var o origin
	var out string
	cmd := &cobra.Command{
		Use:     "release --version VERSION --license FILE PROGRAM...",
		Short:   "Make the files that a release offers for download",
		Example: "  impulse-image release --version v1.2.3 --license LICENSE --out dist bin/release/*/*/impulse*",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := release.CheckVersion(o.version); err != nil {
				return err
			}
			r := release.Release{Version: o.version, Created: o.time()}
			var err error
			if r.License, err = o.licenseText(); err != nil {
				return err
			}
			if r.Programs, err = openAll(args); err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fmt.Errorf("make the folder of the release: %w", err)
			}
			names, err := r.Write(out)
			for _, name := range names {
				fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(out, name))
			}
			return err
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "dist", "folder that the files are written to")
	cmd.AddCommand(releaseCheckCommand())
	return cmd
}

func releaseCheckCommand() *cobra.Command {
	var versionOnly bool
	cmd := &cobra.Command{
		Use:   "check VERSION",
		Short: "Check that the repository in the current folder can be released as VERSION",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := release.CheckVersion(args[0]); err != nil || versionOnly {
				return err
			}
			return release.CheckTree(cmd.Context(), ".", args[0])
		},
	}
	cmd.Flags().BoolVar(&versionOnly, "version-only", false, "check the version, and not the repository")
	return cmd
}
