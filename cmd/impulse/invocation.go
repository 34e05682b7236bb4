package main

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

const (
	// pluginName is how users call the program if it is a plugin of kubectl.
	pluginName = "kubectl impulse"
	// pluginFile and completerFile are the names of the program as a plugin, and as the program that kubectl asks to complete the plugin's
	// arguments.
	pluginFile    = "kubectl-impulse"
	completerFile = "kubectl_complete-impulse"
)

// invocation returns how users call the program, and its arguments, from the arguments of the process.
func invocation(args []string) (name string, rest []string) {
	if len(args) == 0 {
		return "impulse", nil
	}
	switch rest = args[1:]; strings.TrimSuffix(filepath.Base(args[0]), ".exe") {
	case pluginFile:
		return pluginName, rest
	case completerFile:
		return pluginName, append([]string{cobra.ShellCompRequestCmd}, rest...)
	default:
		return "impulse", rest
	}
}

// rename changes the help of all commands to the name by which users call the program.
func rename(root *cobra.Command, name string) {
	if name == root.Name() {
		return
	}
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	var commands []string
	for _, c := range root.Commands() {
		commands = append(commands, regexp.QuoteMeta(c.Name()))
	}
	called := regexp.MustCompile(`(^|[^\w/-])` + root.Name() + ` (` + strings.Join(commands, "|") + `)\b`)
	var change func(*cobra.Command)
	change = func(c *cobra.Command) {
		for _, text := range []*string{&c.Example, &c.Long, &c.Short} {
			*text = called.ReplaceAllString(*text, "${1}"+name+" ${2}")
		}
		for _, sub := range c.Commands() {
			change(sub)
		}
	}
	change(root)
}
