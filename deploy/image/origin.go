package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/image/internal/gobinary"
)

// origin is what the flags of build and release say about where the programs come from.
type origin struct {
	version string
	created int64
	license string
}

func (o *origin) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.version, "version", "", "version of the programs")
	cmd.Flags().Int64Var(&o.created, "created", 0, "time of the commit, in seconds since 1970")
	cmd.Flags().StringVar(&o.license, "license", "", "file with the license")
	for _, name := range []string{"version", "license"} {
		_ = cmd.MarkFlagRequired(name) // It fails only if there is no such flag.
	}
}

func (o *origin) time() time.Time { return time.Unix(o.created, 0).UTC() }

func (o *origin) licenseText() ([]byte, error) {
	text, err := os.ReadFile(o.license)
	if err != nil {
		return nil, fmt.Errorf("read the license: %w", err)
	}
	return text, nil
}

// openAll opens programs.
func openAll(paths []string) ([]gobinary.Binary, error) {
	var programs []gobinary.Binary
	for _, path := range paths {
		p, err := gobinary.Open(path)
		if err != nil {
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}
