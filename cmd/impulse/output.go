package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// output is the flag --output. Every command that has it accepts text, json and yaml.
type output struct {
	value   string
	allowed []string
}

// flag adds the flag to a command that also accepts other formats.
func (o *output) flag(cmd *cobra.Command, also ...string) {
	o.allowed = append([]string{"text", "json", "yaml"}, also...)
	cmd.Flags().StringVarP(&o.value, "output", "o", "text", "output format: "+o.list())
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(o.allowed, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) list() string {
	last := len(o.allowed) - 1
	return strings.Join(o.allowed[:last], ", ") + " or " + o.allowed[last]
}

// check returns an error if the format is not one that the command accepts.
func (o *output) check() error {
	if slices.Contains(o.allowed, o.value) {
		return nil
	}
	return fmt.Errorf("--output is %q: expected %s", o.value, o.list())
}

// write writes a value as JSON or YAML, or calls text.
func (o *output) write(w io.Writer, value any, text func(io.Writer) error) error {
	var out []byte
	var err error
	switch o.value {
	case "json":
		out, err = json.MarshalIndent(value, "", "  ")
		out = append(out, '\n')
	case "yaml":
		out, err = manifest.Marshal(value)
	default:
		return text(w)
	}
	if err != nil {
		return fmt.Errorf("encode as %s: %w", o.value, err)
	}
	_, err = w.Write(out)
	return err
}
