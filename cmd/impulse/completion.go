package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// completer is the program that kubectl asks to complete the arguments of the plugin.
const completer = `#!/bin/sh
# ` + completerFile + `: kubectl runs it to complete "` + pluginName + `". Put it on the PATH, and make it executable.
exec kubectl impulse ` + cobra.ShellCompRequestCmd + ` "$@"
`

// addCompletion adds cobra's command that prints the completion scripts of shells, and that of kubectl to it. The scripts go to the output
// that root has when it is called.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	parent, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // Without other commands there is nothing to complete.
	}
	parent.AddCommand(&cobra.Command{
		Use:   "kubectl",
		Short: "Print the program " + completerFile + ", which completes " + pluginName,
		Long: "Kubectl prints the program that kubectl runs to complete the arguments of `" + pluginName + "`. Put it on the PATH as\n" +
			completerFile + ", and make it executable. A link of that name to impulse itself does the same.",
		Example: "  impulse completion kubectl > ~/.local/bin/" + completerFile + " && chmod +x ~/.local/bin/" + completerFile,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), completer)
			return err
		},
	})
}
