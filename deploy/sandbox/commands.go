package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/control"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

// downWithin is how long down waits for the end of a sandbox.
const downWithin = 2 * time.Minute

func downCommand(at *place) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End a sandbox and remove what it left, also after a crash",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := at.folder()
			if err != nil {
				return err
			}
			if err := (control.Client{Dir: dir}).Down(cmd.Context()); err != nil && !errors.Is(err, control.ErrNotRunning) {
				return err
			}
			return awaitGone(cmd.Context(), dir)
		},
	}
}

func statusCommand(at *place) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs and where",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := readStatus(cmd, at)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(cmd.OutOrStdout(), status)
			}
			return writeStatus(cmd.OutOrStdout(), status)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, or a table when empty")
	return cmd
}

func envCommand(at *place) *cobra.Command {
	var (
		output   string
		forTests bool
	)
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the shell commands that point kubectl and everything else at a sandbox",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := readStatus(cmd, at)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(cmd.OutOrStdout(), status.Env)
			}
			prefix := ""
			if forTests {
				prefix = "IMPULSE_TEST_"
			}
			_, err = io.WriteString(cmd.OutOrStdout(), status.Env.Shell(prefix))
			if err == nil && forTests {
				err = writeCommand(cmd.OutOrStdout())
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, or shell commands when empty")
	cmd.Flags().BoolVar(&forTests, "for-tests", false, "names that start with IMPULSE_TEST_, so that no test finds a user's cluster by accident")
	return cmd
}

func changeCommand(at *place, verb, short string) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   verb + " COMPONENT",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := plane.Full(args[0])
			if err != nil {
				return err
			}
			dir, err := at.folder()
			if err != nil {
				return err
			}
			return control.Client{Dir: dir}.Change(cmd.Context(), verb, name, force)
		},
	}
	if verb == "stop" {
		cmd.Flags().BoolVar(&force, "force", false, "kill it, as a crash does")
	}
	return cmd
}

func readStatus(cmd *cobra.Command, at *place) (plane.Status, error) {
	dir, err := at.folder()
	if err != nil {
		return plane.Status{}, err
	}
	return control.Client{Dir: dir}.Status(cmd.Context())
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func writeStatus(out io.Writer, status plane.Status) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tSTATE\tPID\tFOR\tLOG")
	for _, c := range status.Components {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", c.Name, c.State, c.PID, time.Since(c.Since).Round(time.Second), c.Log)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	if !status.Ready {
		fmt.Fprintln(out, "\nnot ready yet")
	}
	_, err := fmt.Fprintf(out, "\n%s", strings.ReplaceAll(status.Env.Shell(""), "export ", ""))
	return err
}

// writeCommand writes the variable with the path of this program, with which tests stop and start components.
func writeCommand(out io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = fmt.Fprintf(out, "export IMPULSE_TEST_SANDBOX='%s'\n", executable)
	return err
}
