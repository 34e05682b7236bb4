package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The groups of commands, in the order of the help.
const (
	groupShow   = "show"
	groupChange = "change"
	groupFiles  = "files"
	groupRun    = "run"
)

// addGroups adds the groups to the root command.
func addGroups(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: groupShow, Title: "What happens:"},
		&cobra.Group{ID: groupChange, Title: "Pauses and dry runs:"},
		&cobra.Group{ID: groupFiles, Title: "Policies in files:"},
		&cobra.Group{ID: groupRun, Title: "Run, migrate, remove:"},
	)
}

// inGroup puts commands into a group.
func inGroup(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// usage prints the usage of a command like cobra's own function, without the connection flags. That function has no such choice, and a
// template would keep all exported methods of the program in the binary.
func usage(cmd *cobra.Command) error {
	var out strings.Builder
	out.WriteString("Usage:")
	if cmd.Runnable() {
		fmt.Fprintf(&out, "\n  %s", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "\n  %s [command]", cmd.CommandPath())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&out, "\n\nExamples:\n%s", cmd.Example)
	}
	for _, g := range cmd.Groups() {
		writeCommands(&out, cmd, g.ID, g.Title)
	}
	if len(cmd.Groups()) == 0 {
		writeCommands(&out, cmd, "", "Commands:")
	} else {
		writeCommands(&out, cmd, "", "Other commands:")
	}
	own, connects := ownFlags(cmd)
	if own.HasAvailableFlags() {
		fmt.Fprintf(&out, "\n\nFlags:\n%s", strings.TrimRight(own.FlagUsages(), "\n"))
	}
	if connects {
		fmt.Fprintf(&out, "\n\nUse \"%s options\" for the flags that select the cluster and the user, such as --context.", cmd.Root().CommandPath())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "\n\nUse \"%s [command] --help\" for more information about a command.", cmd.CommandPath())
	}
	_, err := fmt.Fprintln(cmd.OutOrStderr(), out.String())
	return err
}

// writeCommands lists the commands of a group below a title, or nothing if there are none.
func writeCommands(w io.Writer, cmd *cobra.Command, group, title string) {
	all := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool {
		return c.GroupID != group || !c.IsAvailableCommand() && c.Name() != "help"
	})
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n\n%s", title)
	for _, c := range all {
		fmt.Fprintf(w, "\n  %-*s %s", c.NamePadding(), c.Name(), c.Short)
	}
}
