package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/policytest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// testOptions holds the flags of impulse test.
type testOptions struct {
	output  output
	run     string
	verbose bool
}

func testCommand() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Run unit tests of scaling policies",
		Long: "Test runs test files (- is standard input), which describe events of a workload and the replica counts that are expected then,\n" +
			"with the decision core that scales in production and a virtual clock. It needs no cluster and no network, and never waits.\n" +
			"Exit code: 0 all passed, 1 some failed, 2 a file is invalid.",
		Example: `  impulse test checkout.test.yaml
  impulse test tests/*.test.yaml -o junit > report.xml

  # Every decision of one test, with its steps
  impulse test checkout.test.yaml --run 'a burst' -v`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return runTests(cmd, args, &o) },
	}
	f := cmd.Flags()
	o.output.flag(cmd, "junit")
	f.StringVar(&o.run, "run", o.run, "run only the tests whose name matches this regular expression")
	f.BoolVarP(&o.verbose, "verbose", "v", o.verbose, "show every decision and its steps")
	return cmd
}

func runTests(cmd *cobra.Command, paths []string, o *testOptions) error {
	if err := o.output.check(); err != nil {
		return err
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
		return errors.New("nothing was run: " + plural(len(problems), "mistake", "mistakes"))
	}
	if tests = policytest.Select(tests, wanted.MatchString); len(tests) == 0 {
		return fmt.Errorf("--run %s: no test has such a name", o.run)
	}
	results, err := policytest.Run(cmd.Context(), tests, o.verbose)
	if err != nil {
		return err
	}
	if err := o.write(cmd.OutOrStdout(), results); err != nil {
		return err
	}
	if policytest.Failed(results) {
		return errFindings
	}
	return nil
}

func (o *testOptions) write(w io.Writer, results []policytest.Result) error {
	switch o.output.value {
	case "json":
		return policytest.WriteJSON(w, results)
	case "junit":
		return policytest.WriteJUnit(w, results)
	}
	var encoded bytes.Buffer
	if err := policytest.WriteJSON(&encoded, results); err != nil {
		return err
	}
	return o.output.write(w, json.RawMessage(encoded.Bytes()), func(w io.Writer) error { return policytest.WriteText(w, results, o.verbose) })
}
