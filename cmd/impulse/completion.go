package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/kube/objects"
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

// completeTimeout bounds the requests of a completion: nobody waits longer for a suggestion.
const completeTimeout = 2 * time.Second

// completeNames completes the names of objects, and the namespace, from the cluster.
func completeNames(cmd *cobra.Command, c *cluster) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		return c.names(ctx, args, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// names returns the objects whose names begin with the typed text, without those that were named already: as NAMESPACE/NAME if the text has a
// slash. Without an answer in time there is none.
func (c *cluster) names(ctx context.Context, named []string, typed string) []string {
	namespace, _, both := strings.Cut(typed, "/")
	if !both {
		var err error
		if namespace, err = c.defaultNamespace(); err != nil {
			return nil
		}
	}
	known, err := c.knownNames(ctx, namespace)
	if err != nil {
		return nil
	}
	var names []string
	for _, k := range known {
		name := k.Name
		if both {
			name = k.Namespace + "/" + k.Name
		}
		if strings.HasPrefix(name, typed) && !slices.Contains(named, name) {
			names = append(names, name)
		}
	}
	return names
}

// knownNames returns the names of the objects of a namespace, of the cluster or of the files.
func (c *cluster) knownNames(ctx context.Context, namespace string) ([]objects.Name, error) {
	if c.files == "" {
		client, err := c.client()
		if err != nil {
			return nil, err
		}
		return client.Names(ctx, namespace)
	}
	all, _, err := c.followed()
	var names []objects.Name
	for _, so := range all {
		if so.Namespace == namespace {
			names = append(names, objects.Name{Namespace: so.Namespace, Name: so.Name})
		}
	}
	return names, err
}

// completeNamespace completes the flag --namespace from the cluster.
func completeNamespace(cmd *cobra.Command, c *config.Cluster) {
	_ = cmd.RegisterFlagCompletionFunc("namespace", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
		defer cancel()
		config, err := c.Config()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client, err := objects.New(config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		namespaces, _ := client.Namespaces(ctx) // Without an answer in time there is no suggestion.
		return namespaces, cobra.ShellCompDirectiveNoFileComp
	})
}
