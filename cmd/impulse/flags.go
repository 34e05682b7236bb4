package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// needs refuses flags that mean nothing without another one: a flag that is passed over in silence misleads.
func needs(cmd *cobra.Command, other string, names ...string) error {
	if cmd.Flags().Changed(other) {
		return nil
	}
	var wrong []error
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			wrong = append(wrong, fmt.Errorf("--%s means nothing without --%s", name, other))
		}
	}
	return errors.Join(wrong...)
}

// excludes refuses flags that mean nothing beside another one.
func excludes(cmd *cobra.Command, other string, names ...string) error {
	if !cmd.Flags().Changed(other) {
		return nil
	}
	var wrong []error
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			wrong = append(wrong, fmt.Errorf("--%s means nothing with --%s", name, other))
		}
	}
	return errors.Join(wrong...)
}
