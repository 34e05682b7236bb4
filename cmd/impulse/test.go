package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/policytest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// testOptions are what `impulse test` may be told.
type testOptions struct {
	output, run string
	verbose     bool
}

func testCommand() *cobra.Command {
	o := testOptions{output: "text"}
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run unit tests of scaling policies",
		Long: "Test runs files that say what happens to a workload and how many replicas it should then have: on the decision core\n" +
			"that scales in production, and on a virtual clock. It needs no cluster and no network, and never waits.\n" +
			"- is the standard input. Exit code: 0 all passed, 1 some failed, 2 a file cannot be used.",
		Example: `  impulse test checkout.test.yaml
  impulse test tests/*.test.yaml -o junit > report.xml

  # Every decision of one test, with its steps
  impulse test checkout.test.yaml --run 'a burst' -v`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return runTests(cmd, args, o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", o.output, "text, json or junit")
	f.StringVar(&o.run, "run", o.run, "run only the tests whose name matches this regular expression")
	f.BoolVarP(&o.verbose, "verbose", "v", o.verbose, "show every decision and its steps")
	return cmd
}

func runTests(cmd *cobra.Command, paths []string, o testOptions) error {
	write, ok := map[string]func(io.Writer, []policytest.Result) error{
		"text": func(w io.Writer, results []policytest.Result) error {
			return policytest.WriteText(w, results, o.verbose)
		},
		"json":  policytest.WriteJSON,
		"junit": policytest.WriteJUnit,
	}[o.output]
	if !ok {
		return fmt.Errorf("--output is %q: expected text, json or junit", o.output)
	}
	wanted, err := regexp.Compile(o.run)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	tests, problems, err := policytest.Load(paths, cmd.InOrStdin(), builtin.Kinds())
	for _, p := range problems {
		fmt.Fprintln(cmd.ErrOrStderr(), p)
	}
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return errors.New("nothing was run: " + counted(len(problems), "mistake", "mistakes"))
	}
	if tests = policytest.Select(tests, wanted.MatchString); len(tests) == 0 {
		return fmt.Errorf("--run %s: no test has such a name", o.run)
	}
	results, err := policytest.Run(cmd.Context(), tests, o.verbose)
	if err != nil {
		return err
	}
	if err := write(cmd.OutOrStdout(), results); err != nil {
		return err
	}
	if policytest.Failed(results) {
		return errFindings
	}
	return nil
}
