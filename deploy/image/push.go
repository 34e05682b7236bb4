package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
	"github.com/impulse-sh/impulse/deploy/image/internal/push"
)

// checkTimeout bounds the check of the registry before the push.
const checkTimeout = 30 * time.Second

func pushCommand() *cobra.Command {
	var layout string
	var check, plainHTTP bool
	cmd := &cobra.Command{
		Use:     "push IMAGE",
		Short:   "Send an image to a registry, with the credentials of docker login",
		Example: "  impulse-image push --layout bin/image/impulse/layout ghcr.io/YOU/impulse:v1.2.3",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tag, err := push.ParseTag(first(args), plainHTTP)
			if err != nil {
				return err
			}
			target := push.Target{Tag: tag, Keychain: authn.DefaultKeychain}
			if check {
				ctx, cancel := context.WithTimeoutCause(cmd.Context(), checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
				defer cancel()
				return target.Check(ctx)
			}
			image, err := oci.ReadLayout(layout)
			if err != nil {
				return err
			}
			pushed, err := target.Push(cmd.Context(), image, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), pushed)
			return nil
		},
	}
	cmd.Flags().StringVar(&layout, "layout", "bin/image/impulse/layout", "folder with the image as an OCI layout")
	cmd.Flags().BoolVar(&check, "check", false, "check only that the registry lets you push")
	cmd.Flags().BoolVar(&plainHTTP, "plain-http", false, "push to a registry that has no TLS")
	return cmd
}

// first returns the first argument, or "" if there is none.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
