package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// editor holds the flags of commands that change objects.
type editor struct {
	cluster
	selection

	all    bool
	dryRun string
}

// change is a change of one object, with the words for it.
type change struct {
	edit objects.Edit
	// done is printed after the name of the object if it was changed, and unchanged if the object was as it should be already.
	done, unchanged string
	// note is printed as well, if it is not empty.
	note string
}

var (
	errNoneSelected = errors.New("name objects, or select them with -l or --all")
	errTooMany      = errors.New("-A goes with -l or --all")
)

func (e *editor) flags(cmd *cobra.Command) {
	bindConnection(cmd, &e.Cluster)
	f := cmd.Flags()
	f.StringVarP(&e.namespace, "namespace", "n", "", "namespace (default: that of the context)")
	completeNamespace(cmd, &e.Cluster)
	e.selection.flags(cmd)
	f.BoolVar(&e.all, "all", false, "all objects of the namespace, or with -A of the cluster")
	f.StringVar(&e.dryRun, "dry-run", "none", "none, client (only print what would be done) or server (the server checks it, and stores nothing)")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions([]string{"none", "client", "server"}, cobra.ShellCompDirectiveNoFileComp))
	completeNames(cmd, &e.cluster)
}

// check returns an error unless the arguments and the flags select objects in one way.
func (e *editor) check(cmd *cobra.Command, names []string) error {
	err := e.selection.check(cmd, names)
	switch selected := e.all || e.selector != ""; {
	case len(names) > 0:
		err = errors.Join(err, with(cmd, "names", "all"))
	case !selected && e.every:
		err = errors.Join(err, errTooMany)
	case !selected:
		err = errors.Join(err, errNoneSelected)
	}
	switch e.dryRun {
	case "none", "client", "server":
	default:
		err = errors.Join(err, fmt.Errorf("--dry-run is %q: expected none, client or server", e.dryRun))
	}
	return err
}

// run changes the objects with these names, or those that the flags select, and prints what was done with each. An error with one does not stop
// the others.
func (e *editor) run(cmd *cobra.Command, names []string, changeOf func(*v1alpha1.ScaledObject) change) error {
	if err := e.check(cmd, names); err != nil {
		return err
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	all, failed := e.read(cmd.Context(), &e.cluster, names)
	if len(all) == 0 && failed == nil {
		return e.reportNone(cmd, &e.cluster, "ScaledObject")
	}
	errs := []error{failed}
	for _, so := range all {
		c := changeOf(so)
		// An original that cannot be read, for which the user may lack the right, prevents no change.
		original, derived, _ := client.Original(cmd.Context(), so)
		if err := reverted(so, c.edit, original); err != nil {
			errs = append(errs, err)
			continue
		}
		changed := c.edit.Changes(so)
		if e.dryRun != "client" {
			changed, err = client.Update(cmd.Context(), so, c.edit, e.dryRun == "server")
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.report(cmd.OutOrStdout(), cmd.ErrOrStderr(), so, c, changed)
		if derived {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s/%s: it is derived from the ScaledObject of keda.sh with its name, whose annotations are copied to it\n", so.Namespace, so.Name)
		}
	}
	return errors.Join(errs...)
}

// reverted returns an error if an edit changes annotations that KEDA's object has: they are copied to the object again.
func reverted(so *v1alpha1.ScaledObject, edit objects.Edit, original map[string]string) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(original)) {
		if value, edits := edit.Annotations[name]; edits && (value == nil || *value != original[name]) {
			names = append(names, name+"-")
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s/%s is derived from KEDA's object, which would undo this: change that one: kubectl annotate scaledobjects.keda.sh %s -n %s %s",
		so.Namespace, so.Name, so.Name, so.Namespace, strings.Join(names, " "))
}

// report prints what was done with an object.
func (e *editor) report(out, errs io.Writer, so *v1alpha1.ScaledObject, c change, changed bool) {
	name := reference(so)
	if e.every {
		name += " in namespace " + so.Namespace
	}
	words := []string{name, c.done}
	if !changed {
		words[1] = "unchanged: " + c.unchanged
	}
	switch e.dryRun {
	case "client":
		words = append(words, "(dry run)")
	case "server":
		words = append(words, "(server dry run)")
	}
	fmt.Fprintln(out, strings.Join(words, " "))
	if c.note != "" {
		fmt.Fprintf(errs, "note: %s/%s: %s\n", so.Namespace, so.Name, c.note)
	}
}
