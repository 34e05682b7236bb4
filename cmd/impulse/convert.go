package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// errNothingForeign is returned if there is nothing to convert.
var errNothingForeign = errors.New("these files hold no HorizontalPodAutoscaler and no object of KEDA")

func convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert FILE...",
		Short: "Convert HPAs and KEDA's objects to ScaledObjects",
		Long: "Convert reads HorizontalPodAutoscalers (autoscaling/v2) and KEDA's objects from files and folders (- is standard input), and\n" +
			"writes ScaledObjects as YAML that set the old behaviour explicitly. A comment above each object lists the differences that\n" +
			"remain. It connects to no server. Exit code: 0 all converted, 1 an object has a mistake, 2 a file cannot be read.",
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

// writeConverted writes every foreign object as a ScaledObject.
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
