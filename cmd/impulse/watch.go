package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/overview"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// errNamespaces is returned if the names of impulse get --watch are not of one namespace.
var errNamespaces = errors.New("with --watch, the names must be of one namespace")

// follow prints objects, and then each one that changes, until the context of the command is done.
func follow(cmd *cobra.Command, g *getter, names []string) error {
	client, err := g.client()
	if err != nil {
		return err
	}
	q, wanted, err := g.followed(cmd.Context(), names)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	w := &watcher{getter: g, wanted: wanted, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), table: g.table(), shown: map[string]overview.Row{}, cancel: cancel}
	return errors.Join(client.Follow(ctx, q, w.observe), w.err)
}

// followed returns the query for the objects with these names, which must exist, or for those that the flags select if there are none.
// wanted has the names if there are several.
func (g *getter) followed(ctx context.Context, names []string) (q objects.Query, wanted []string, err error) {
	if len(names) == 0 {
		q, err = g.query(&g.cluster)
		return q, nil, err
	}
	found, err := g.read(ctx, &g.cluster, names)
	if err != nil {
		return q, nil, err
	}
	q.Namespace = found[0].Namespace
	for _, so := range found {
		if so.Namespace != q.Namespace {
			return q, nil, errNamespaces
		}
		wanted = append(wanted, so.Name)
	}
	if len(wanted) == 1 {
		q.Name, wanted = wanted[0], nil
	}
	return q, wanted, nil
}

// watcher prints objects that change.
type watcher struct {
	getter *getter
	// wanted has the names of the objects; nil means all.
	wanted    []string
	out, errs io.Writer
	// table is nil if the output is none. shown has the rows that were printed last.
	table *overview.Table
	shown map[string]overview.Row
	// interrupted is true while the objects cannot be followed.
	interrupted bool
	// err is why the output cannot be written; cancel then ends the watch.
	err    error
	cancel context.CancelFunc
}

// observe prints a change.
func (w *watcher) observe(c objects.Change) {
	if c.Err != nil {
		if !w.interrupted {
			fmt.Fprintf(w.errs, "impulse: %v; trying again\n", c.Err)
		}
		w.interrupted = true
		return
	}
	if w.interrupted {
		fmt.Fprintln(w.errs, "impulse: connected again")
	}
	w.interrupted = false
	var changed []*v1alpha1.ScaledObject
	var deleted []string
	switch {
	case c.List != nil:
		changed, deleted = w.listed(c.List)
	case c.Object != nil && c.Deleted:
		deleted = []string{c.Object.Namespace + "/" + c.Object.Name}
	case c.Object != nil:
		changed = []*v1alpha1.ScaledObject{c.Object}
	}
	if w.wanted != nil {
		changed = slices.DeleteFunc(changed, func(so *v1alpha1.ScaledObject) bool { return !slices.Contains(w.wanted, so.Name) })
	}
	if err := w.print(changed, deleted); err != nil && w.err == nil {
		w.err = err
		w.cancel()
	}
}

// listed returns the objects of a list, and the keys of those that were shown and are not in it.
func (w *watcher) listed(l *v1alpha1.ScaledObjectList) (all []*v1alpha1.ScaledObject, gone []string) {
	there := map[string]bool{}
	for i := range l.Items {
		all = append(all, &l.Items[i])
		there[l.Items[i].Namespace+"/"+l.Items[i].Name] = true
	}
	for key := range w.shown {
		if !there[key] {
			gone = append(gone, key)
		}
	}
	slices.Sort(gone)
	return all, gone
}

// print prints the rows that have changed, or the objects if the output is no table.
func (w *watcher) print(changed []*v1alpha1.ScaledObject, deleted []string) error {
	if w.table == nil {
		for _, so := range changed {
			if err := w.getter.write(w.out, []*v1alpha1.ScaledObject{so}, true); err != nil {
				return err
			}
		}
		return nil
	}
	var rows []overview.Row
	for _, so := range changed {
		row, key := rowOf(so), so.Namespace+"/"+so.Name
		if before, ok := w.shown[key]; !ok || w.table.Changed(&before, &row) {
			rows = append(rows, row)
		}
		w.shown[key] = row
	}
	for _, key := range deleted {
		if row, ok := w.shown[key]; ok {
			row.HeldBy = "Deleted"
			rows = append(rows, row)
			delete(w.shown, key)
		}
	}
	overview.ByName(rows)
	return w.table.Write(w.out, rows, time.Now())
}
