package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/binaries"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build [PROGRAM...]",
		Short: "Build what up needs, without starting anything",
		RunE: func(cmd *cobra.Command, names []string) error {
			paths, err := ensure(cmd.Context(), cmd.ErrOrStderr(), names)
			if err != nil {
				return err
			}
			for _, p := range binaries.Programs() {
				if path, ok := paths[p.Name]; ok {
					fmt.Fprintln(cmd.OutOrStdout(), path)
				}
			}
			return nil
		},
	}
}

// ensure returns the path of each named program, or of all when none is named. It builds missing ones.
func ensure(ctx context.Context, progress io.Writer, names []string) (map[string]string, error) {
	find, err := finder(progress, names)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	return paths, find(ctx, func(name, path string) { paths[name] = path })
}

// finder finds or builds the named programs, all when none is named.
func finder(progress io.Writer, names []string) (plane.Finder, error) {
	var wanted []binaries.Program
	for _, p := range binaries.Programs() {
		if len(names) == 0 || slices.Contains(names, p.Name) {
			wanted = append(wanted, p)
		}
	}
	if len(names) > len(wanted) {
		return nil, fmt.Errorf("unknown program among %v", names)
	}
	source, err := binaries.SourceDir()
	if err != nil {
		return nil, err
	}
	cache, err := binaries.CacheDir()
	if err != nil {
		return nil, err
	}
	builder := binaries.Builder{Source: source, Cache: cache, Out: progress}
	return func(ctx context.Context, found func(name, path string)) error {
		return builder.Ensure(ctx, wanted, found)
	}, nil
}
