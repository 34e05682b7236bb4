package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func checkCommand() *cobra.Command {
	output, prometheus := "text", ""
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Say everything that is wrong with ScaledObjects in files",
		Long: "Check reads files and folders (- is the standard input) and says every mistake at once, with file, line, field and a\n" +
			"suggestion, and warns of what works and is hardly meant. It asks no server, unless --prometheus names one: that one\n" +
			"parses the queries of triggers, in its own dialect. Exit code: 0 all is well or there are warnings only, 1 something is\n" +
			"wrong, 2 a file could not be read or the server could not be asked.",
		Example: `  impulse check scaledobject.yaml
  impulse check ./manifests/ -o json
  impulse check ./manifests/ -o sarif >impulse.sarif
  impulse check ./manifests/ --prometheus http://prometheus:9090
  kubectl get so -A -o yaml | impulse check -`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" && output != "sarif" {
				return fmt.Errorf("--output is %q: expected text, json or sarif", output)
			}
			well, problems, err := checkFiles(cmd, args, prometheus)
			if err != nil {
				// What was not read is not judged: there is no sum, and no list that a program would take for a whole one.
				if output == "text" {
					err = errors.Join(err, list(cmd.OutOrStdout(), problems))
				}
				return err
			}
			if err := show(cmd.OutOrStdout(), output, problems, well); err != nil {
				return err
			}
			if manifest.Failed(problems) {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "text, json or sarif")
	cmd.Flags().StringVar(&prometheus, "prometheus", "", "URL of a Prometheus, or what answers its API, that is asked whether it takes the queries")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "sarif"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// checkFiles returns how many objects of the files are well, and everything that is wrong, in the order of the files. prometheus
// is a server to ask about queries; "" is none.
func checkFiles(cmd *cobra.Command, args []string, prometheus string) (int, []diag.Error, error) {
	objects, problems, err := manifest.Load(args, cmd.InOrStdin())
	well, more := manifest.Compile(objects, builtin.Kinds())
	problems = append(problems, more...)
	if err == nil && prometheus != "" {
		well, more, err = askQueries(cmd.Context(), prometheus, well)
		problems = append(problems, more...)
	}
	return len(well), inOrder(problems), err
}

// inOrder sorts problems as a reader meets them in the files.
func inOrder(problems []diag.Error) []diag.Error {
	slices.SortStableFunc(problems, func(a, b diag.Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// show prints the problems, and how many there are.
func show(w io.Writer, output string, problems []diag.Error, well int) error {
	switch output {
	case "sarif":
		return manifest.SARIF(w, version, problems)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(append([]diag.Error{}, problems...))
	}
	if err := list(w, problems); err != nil {
		return err
	}
	warnings := 0
	for _, p := range problems {
		if p.Warning {
			warnings++
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

// list prints one problem a line.
func list(w io.Writer, problems []diag.Error) error {
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
