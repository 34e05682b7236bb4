package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func checkCommand() *cobra.Command {
	output := "text"
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Say everything that is wrong with ScaledObjects in files",
		Long: "Check reads files and folders (- is the standard input) and says every mistake at once, with file, line, field and a\n" +
			"suggestion, and warns of what works and is hardly meant. It asks no server. Exit code: 0 all is well or there are\n" +
			"warnings only, 1 something is wrong, 2 a file could not be read.",
		Example: `  impulse check scaledobject.yaml
  impulse check ./manifests/ -o json
  impulse check ./manifests/ -o sarif >impulse.sarif
  kubectl get so -A -o yaml | impulse check -`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" && output != "sarif" {
				return fmt.Errorf("--output is %q: expected text, json or sarif", output)
			}
			objects, problems, err := manifest.Load(args, cmd.InOrStdin())
			compiled, more := manifest.Compile(objects, builtin.Kinds())
			problems = append(problems, more...)
			if printed := show(cmd.OutOrStdout(), output, problems, len(compiled)); printed != nil {
				return printed
			}
			if err != nil {
				return err
			}
			if manifest.Failed(problems) {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "text, json or sarif")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// show prints the problems, and how many objects are well.
func show(w io.Writer, output string, problems []manifest.Problem, well int) error {
	switch output {
	case "sarif":
		return manifest.SARIF(w, version, problems)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(append([]manifest.Problem{}, problems...))
	}
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	plural := "s are"
	if well == 1 {
		plural = " is"
	}
	_, err := fmt.Fprintf(w, "%d ScaledObject%s well\n", well, plural)
	return err
}
