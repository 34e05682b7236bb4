package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/notify"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func checkCommand() *cobra.Command {
	var o output
	var prometheus string
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Report mistakes and questionable settings of ScaledObjects in files",
		Long: "Check reads files and folders (- is standard input). It reports all mistakes at once, with file, line, field and a suggestion,\n" +
			"and warns about settings that are valid but probably unintended. It checks files of sinks (impulse run --notifications-file), too,\n" +
			"but not the files that they name. It connects to no server, unless --prometheus names one, which then parses the queries of\n" +
			"prometheus triggers. Exit code: 0 no mistakes, 1 mistakes, 2 a file cannot be read or the server cannot be reached.",
		Example: `  impulse check scaledobject.yaml
  impulse check ./manifests/ -o json
  impulse check ./manifests/ -o sarif > impulse.sarif
  impulse check ./manifests/ --prometheus http://prometheus:9090
  kubectl get so -A -o yaml | impulse check -`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			checked, problems, err := checkFiles(cmd, args, prometheus)
			if err != nil {
				// A program must not take an incomplete list for a complete one, so only text has the problems that were found.
				if o.value == "text" {
					err = errors.Join(err, list(cmd.OutOrStdout(), problems))
				}
				return err
			}
			if err := show(cmd.OutOrStdout(), &o, problems, checked); err != nil {
				return err
			}
			if manifest.Failed(problems) {
				return errFindings
			}
			return nil
		},
	}
	o.flag(cmd, "sarif")
	cmd.Flags().StringVar(&prometheus, "prometheus", "", "URL of a Prometheus, or of a server with its API, that parses the PromQL queries")
	return cmd
}

// checked has the numbers of what is valid. withSinks is true if there is a file of sinks.
type checked struct {
	objects, sinks int
	withSinks      bool
}

// checkFiles returns the numbers of what is valid in the files, and all problems in the order of the files. prometheus is the URL of a
// server that parses the queries; "" means none.
func checkFiles(cmd *cobra.Command, args []string, prometheus string) (checked, []diag.Error, error) {
	var (
		objects  []*manifest.Object
		problems []diag.Error
		c        checked
	)
	files, err := manifest.LoadFiles(args, cmd.InOrStdin())
	for _, f := range files {
		objects, problems = append(objects, f.Objects...), append(problems, f.Problems...)
		if f.Sinks != nil {
			sinks, more := notify.Check(f.Name, f.Sinks)
			c.sinks, c.withSinks, problems = c.sinks+sinks, true, append(problems, more...)
		}
	}
	valid, more := manifest.Compile(objects, builtin.Kinds())
	problems = slices.Concat(problems, more, manifest.EndedPauses(valid, time.Now()))
	if err == nil && prometheus != "" {
		valid, more, err = checkQueries(cmd.Context(), prometheus, valid)
		problems = append(problems, more...)
	}
	c.objects = len(valid)
	return c, inOrder(problems), err
}

// inOrder sorts problems by file, line and column.
func inOrder(problems []diag.Error) []diag.Error {
	slices.SortStableFunc(problems, func(a, b diag.Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// show prints the problems, and a summary of them as text.
func show(w io.Writer, o *output, problems []diag.Error, c checked) error {
	if o.value == "sarif" {
		return manifest.SARIF(w, version, problems)
	}
	return o.write(w, append([]diag.Error{}, problems...), func(w io.Writer) error { return showText(w, problems, c) })
}

// showText prints one problem per line, and a summary.
func showText(w io.Writer, problems []diag.Error, c checked) error {
	if err := list(w, problems); err != nil {
		return err
	}
	warnings := 0
	for _, p := range problems {
		if p.Warning {
			warnings++
		}
	}
	summary := plural(c.objects, "ScaledObject is valid", "ScaledObjects are valid")
	if c.withSinks {
		summary += ", " + plural(c.sinks, "sink of notifications is valid", "sinks of notifications are valid")
	}
	if mistakes := len(problems) - warnings; mistakes > 0 {
		summary += ", " + plural(mistakes, "mistake", "mistakes")
	}
	if warnings > 0 {
		summary += ", " + plural(warnings, "warning", "warnings")
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

// list prints one problem per line.
func list(w io.Writer, problems []diag.Error) error {
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
