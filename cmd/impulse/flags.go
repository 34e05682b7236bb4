package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// needs returns an error for each flag of names that is set without another flag. A flag that is silently ignored misleads.
func needs(cmd *cobra.Command, other string, names ...string) error {
	if cmd.Flags().Changed(other) {
		return nil
	}
	return without(cmd, "--"+other, names...)
}

// excludes returns an error for each flag of names that is set together with another flag.
func excludes(cmd *cobra.Command, other string, names ...string) error {
	if !cmd.Flags().Changed(other) {
		return nil
	}
	return with(cmd, "--"+other, names...)
}

// without returns an error for each flag of names that is set: it has no effect without something else.
func without(cmd *cobra.Command, other string, names ...string) error {
	return refuseFlags(cmd, "--%s has no effect without "+other, names)
}

// with returns an error for each flag of names that is set: it has no effect with something else.
func with(cmd *cobra.Command, other string, names ...string) error {
	return refuseFlags(cmd, "--%s has no effect with "+other, names)
}

func refuseFlags(cmd *cobra.Command, format string, names []string) error {
	var all []error
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			all = append(all, fmt.Errorf(format, name))
		}
	}
	return errors.Join(all...)
}
