package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// errNothingForeign says that there is nothing to convert.
var errNothingForeign = errors.New("these files hold no HorizontalPodAutoscaler and no object of KEDA")

func convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert FILE...",
		Short: "Write ScaledObjects that do what HPAs and KEDA's objects do",
		Long: "Convert reads HorizontalPodAutoscalers (autoscaling/v2) and KEDA's objects from files and folders (- is the standard\n" +
			"input) and writes ScaledObjects with the old behaviour written out. Every difference that is left stands as a comment\n" +
			"above the object. It asks no server. Exit code: 0 all were converted, 1 something is wrong with one, 2 a file could\n" +
			"not be read.",
		Example: `  impulse convert hpa.yaml > scaledobject.yaml
  kubectl get hpa -A -o yaml | impulse convert -`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			objects, problems, err := manifest.Load(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			_, more := manifest.Compile(objects, builtin.Kinds())
			wrong := false
			for _, p := range append(problems, more...) {
				if !p.Warning {
					wrong = true
					fmt.Fprintln(cmd.ErrOrStderr(), p)
				}
			}
			if wrong {
				return errFindings
			}
			return writeConverted(cmd, objects)
		},
	}
}

// writeConverted writes every foreign object as one of ours.
func writeConverted(cmd *cobra.Command, objects []*manifest.Object) error {
	written := 0
	for _, o := range objects {
		if !o.Foreign() {
			continue
		}
		content, err := o.Rewrite()
		if err != nil {
			return err
		}
		if written++; written > 1 {
			content = append([]byte("---\n"), content...)
		}
		if _, err := cmd.OutOrStdout().Write(content); err != nil {
			return err
		}
	}
	if written == 0 {
		return errNothingForeign
	}
	return nil
}
