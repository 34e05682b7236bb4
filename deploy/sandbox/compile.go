package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/gobuild"
)

// ownModule is the module whose programs compile builds.
const ownModule = "github.com/impulse-sh/impulse"

// tags leaves out gRPC's traces: their pages use html/template, with which the linker can drop no exported method.
const tags = "grpcnotrace"

// compileCommand builds programs of this repository with the progress and the flags of the sandbox's: what both compile is
// compiled once.
func compileCommand() *cobra.Command {
	var module, out, version string
	cmd := &cobra.Command{
		Use:     "compile --out DIR PACKAGE...",
		Short:   "Build programs of this repository, and show how far that is",
		Example: "  sandbox compile --out bin ./cmd/impulse ./deploy/demo",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(out)
			if err != nil {
				return fmt.Errorf("find --out: %w", err)
			}
			build := gobuild.Build{Module: module, Dir: dir, Tags: tags, LDFlags: map[string]string{}, Out: cmd.ErrOrStderr()}
			var names []string
			for _, arg := range args {
				pkg := ownModule + strings.TrimPrefix(arg, ".")
				build.Packages = append(build.Packages, pkg)
				build.LDFlags[pkg] = "-X main.version=" + version
				names = append(names, filepath.Base(arg))
			}
			build.What = strings.Join(names, ", ")
			return build.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&module, "module", ".", "folder of the module")
	cmd.Flags().StringVar(&out, "out", "bin", "folder that the programs are put into")
	cmd.Flags().StringVar(&version, "set-version", "dev", "the version that the programs say they have")
	return cmd
}
