package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// selection holds the flags that select objects without their names: all of a namespace or of the cluster, or those with some labels.
type selection struct {
	every    bool
	selector string
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&s.every, "all-namespaces", "A", false, "the objects of all namespaces")
	f.StringVarP(&s.selector, "selector", "l", "", "the objects with these labels, such as app=web,tier!=test")
}

// check returns an error for flags that have no effect beside names, and for a selector that cannot be parsed.
func (s *selection) check(cmd *cobra.Command, names []string) error {
	err := errors.Join(excludes(cmd, "all-namespaces", "namespace"), objects.Query{Selector: s.selector}.Check())
	if len(names) > 0 {
		err = errors.Join(err, with(cmd, "names", "all-namespaces", "selector"))
	}
	return err
}

// query returns the query for the objects without their names.
func (s *selection) query(c *cluster) (objects.Query, error) {
	q := objects.Query{Selector: s.selector}
	if s.every {
		return q, nil
	}
	var err error
	q.Namespace, err = c.defaultNamespace()
	return q, err
}

// where describes a namespace, or all.
func where(namespace string) string {
	if namespace == "" {
		return "any namespace"
	}
	return "namespace " + namespace
}

// read reads the objects of these names, or those that the flags select if there are none, as they are stored. If some names have no object,
// it returns the others with the errors.
func (s *selection) read(ctx context.Context, c *cluster, names []string) ([]*v1alpha1.ScaledObject, error) {
	var all []*v1alpha1.ScaledObject
	var errs []error
	for _, name := range names {
		so, err := c.get(ctx, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, so)
	}
	if len(names) > 0 {
		return all, errors.Join(errs...)
	}
	q, err := s.query(c)
	if err != nil {
		return nil, err
	}
	if c.files != "" {
		return c.allFromFiles(q)
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	list, err := client.List(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	return all, nil
}

// reportNone prints that there is nothing to show.
func (s *selection) reportNone(cmd *cobra.Command, c *cluster, nothing string) error {
	q, err := s.query(c)
	if err != nil {
		return err
	}
	if q.Selector != "" {
		nothing += " with the labels " + q.Selector
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), "no %s in %s\n", nothing, where(q.Namespace))
	return err
}
