package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func convertCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "convert FILE...",
		Short: "Rewrite KEDA's ScaledObjects and HPAs as ScaledObjects that do the same",
		Long: "Convert prints ScaledObjects with the behaviour that the originals have, written out, and says every difference that\n" +
			"is left on the standard error. What it cannot convert it says there too. Exit code: 0 everything was converted, 1\n" +
			"something was not, 2 a file could not be read.",
		Example: `  impulse convert keda/*.yaml > scaledobjects.yaml
  kubectl get hpa web -o yaml | impulse convert -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			objects, problems, err := manifest.Load(args, cmd.InOrStdin())
			compiled, more := manifest.Compile(objects, builtin.Kinds())
			problems = append(problems, more...)
			for _, p := range problems {
				fmt.Fprintln(cmd.ErrOrStderr(), p)
			}
			if printed := printObjects(cmd.OutOrStdout(), compiled); printed != nil {
				return printed
			}
			switch {
			case err != nil:
				return err
			case manifest.Failed(problems):
				return errFindings
			case len(compiled) == 0:
				return errNothing
			}
			return nil
		},
	}
}

var errNothing = errors.New("there is nothing to convert in the files")

// printObjects prints objects as YAML documents.
func printObjects(w io.Writer, objects []manifest.Compiled) error {
	for i, o := range objects {
		text, err := o.YAML()
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}
