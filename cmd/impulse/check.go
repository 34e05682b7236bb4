package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

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
			problems = inOrder(append(problems, more...))
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

// inOrder sorts problems as a reader meets them in the files.
func inOrder(problems []manifest.Problem) []manifest.Problem {
	slices.SortStableFunc(problems, func(a, b manifest.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// show prints the problems, and how many there are.
func show(w io.Writer, output string, problems []manifest.Problem, well int) error {
	switch output {
	case "sarif":
		return manifest.SARIF(w, version, problems)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(append([]manifest.Problem{}, problems...))
	}
	warnings := 0
	for _, p := range problems {
		if p.Warning {
			warnings++
		}
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	summary := counted(well, "ScaledObject is well", "ScaledObjects are well")
	if mistakes := len(problems) - warnings; mistakes > 0 {
		summary += ", " + counted(mistakes, "mistake", "mistakes")
	}
	if warnings > 0 {
		summary += ", " + counted(warnings, "warning", "warnings")
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
