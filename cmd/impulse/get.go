package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/overview"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// getter holds the flags of impulse get.
type getter struct {
	cluster
	selection

	output output
	watch  bool
	// lease is the namespace of the Lease.
	lease string
	live  liveValues
}

func getCommand() *cobra.Command {
	var g getter
	cmd := &cobra.Command{
		Use:   "get [NAME...]",
		Short: "List workloads: counts, what holds them, and the state of their triggers",
		Long: "Get lists ScaledObjects. CURRENT is the count of the target, DESIRED the count that was decided. HELD BY is the reason that matters\n" +
			"most at present, of those in docs/conditions.md; - means that the count is what the triggers ask for. TRIGGERS is whether a trigger\n" +
			"is active, and how many cannot be read. -o wide adds the trigger that asks for the most, the levels and targets of all triggers,\n" +
			"when the decision may change without an event, and the end and the reason of a pause.\n\n" +
			"The values are those of this moment, from the leader through the API server's proxy for Services. If it cannot be asked within 2 s, a\n" +
			"warning has the reason, and they are those of the status, as they are with --watch. JSON, YAML and names are the objects as the API\n" +
			"server stores them.\n\n" +
			"With --watch it prints a row again when what the row shows has changed, until it is interrupted.\n" +
			"Exit code: 0 the objects were listed, or there are none; 2 one cannot be read.",
		Example: `  impulse get
  impulse get -A -o wide
  impulse get web api -n shop
  impulse get -l team=checkout --watch

  # The names of all paused objects
  impulse get -A -o json | jq -r '.items[] | select(.status.reason == "Paused") | .metadata.name'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := errors.Join(g.output.check(), g.cluster.check(cmd), g.selection.check(cmd, args), excludes(cmd, "config", "watch"), excludes(cmd, "config", "lease-namespace"), excludes(cmd, "watch", "lease-namespace", "live"), g.live.check(cmd), g.checkTable(cmd))
			if err != nil {
				return err
			}
			if g.watch {
				return follow(cmd, &g, args)
			}
			return g.list(cmd, args)
		},
	}
	g.cluster.flags(cmd)
	g.selection.flags(cmd)
	g.output.flag(cmd, "wide", "name")
	cmd.Flags().BoolVarP(&g.watch, "watch", "w", false, "print the rows that change, until it is interrupted")
	leaseFlag(cmd, &g.lease)
	cmd.Flags().Lookup("lease-namespace").Usage = "namespace of Impulse, with its Lease and its Service; use the same value as for impulse run"
	g.live.flag(cmd)
	completeNames(cmd, &g.cluster)
	return cmd
}

// list prints the objects once. Objects that can be read are printed although others cannot.
func (g *getter) list(cmd *cobra.Command, names []string) error {
	all, failed := g.read(cmd.Context(), &g.cluster, names)
	if len(all) == 0 && failed != nil {
		return failed
	}
	if len(all) == 0 && g.table() != nil {
		return g.reportNone(cmd, &g.cluster, "ScaledObject")
	}
	if !g.warnLeaderless(cmd.Context(), cmd.ErrOrStderr(), g.lease) && g.table() != nil {
		if err := g.show(cmd, all); err != nil {
			return err
		}
	}
	return errors.Join(g.write(cmd.OutOrStdout(), all, len(names) == 1), failed)
}

// show replaces what a row shows of the statuses of objects by what the leader sees, if the leader can be asked.
func (g *getter) show(cmd *cobra.Command, all []*v1alpha1.ScaledObject) error {
	namespace := all[0].Namespace
	for _, so := range all {
		if so.Namespace != namespace {
			namespace = ""
		}
	}
	g.live.connect(cmd.Context(), &g.cluster, g.lease)
	rows := g.live.rows(cmd.Context(), namespace)
	for _, so := range all {
		if row := rows[so.Namespace+"/"+so.Name]; row != nil {
			row.Show(&so.Status)
		}
	}
	return g.live.report(cmd.ErrOrStderr())
}

// checkTable returns an error if --live has no effect, because the output has objects as the API server stores them.
func (g *getter) checkTable(cmd *cobra.Command) error {
	if g.table() != nil {
		return nil
	}
	return with(cmd, "--output="+g.output.value, "live")
}

// table returns the table of the output; nil if the output is none.
func (g *getter) table() *overview.Table {
	switch g.output.value {
	case "text", "wide":
		return &overview.Table{Namespaces: g.every, Wide: g.output.value == "wide"}
	default:
		return nil
	}
}

// write prints objects. one is true if one object was named, which is then no list.
func (g *getter) write(w io.Writer, all []*v1alpha1.ScaledObject, one bool) error {
	if t := g.table(); t != nil {
		rows := make([]overview.Row, len(all))
		for i, so := range all {
			rows[i] = rowOf(so)
		}
		overview.ByName(rows)
		return t.Write(w, rows, time.Now())
	}
	if g.output.value == "name" {
		for _, so := range all {
			if _, err := fmt.Fprintln(w, reference(so)); err != nil {
				return err
			}
		}
		return nil
	}
	if one && len(all) == 1 {
		return g.output.write(w, all[0], nil)
	}
	return g.output.write(w, listOf(all), nil)
}

// reference returns the name of an object as kubectl prints it.
func reference(so *v1alpha1.ScaledObject) string {
	return "scaledobject." + v1alpha1.GroupName + "/" + so.Name
}

// objectList is a list of objects, as kubectl prints one.
type objectList struct {
	APIVersion string                   `json:"apiVersion"`
	Kind       string                   `json:"kind"`
	Items      []*v1alpha1.ScaledObject `json:"items"`
}

func listOf(all []*v1alpha1.ScaledObject) objectList {
	return objectList{APIVersion: "v1", Kind: "List", Items: append([]*v1alpha1.ScaledObject{}, all...)}
}

// rowOf summarizes an object as of now.
func rowOf(so *v1alpha1.ScaledObject) overview.Row {
	so = so.DeepCopy()
	compile.Default(so)
	return overview.Of(so, time.Now())
}
