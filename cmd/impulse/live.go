package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/serviceproxy"
)

// liveTimeout bounds what a command waits for the leader, before it shows the status.
const liveTimeout = 2 * time.Second

// Values of --live.
const (
	liveAuto   = "auto"
	liveAlways = "always"
	liveNever  = "never"
)

var liveModes = []string{liveAuto, liveAlways, liveNever}

// liveValues reads what the leader knows about objects, by the flag --live. After a failure it reads nothing more.
type liveValues struct {
	mode   string
	client *serviceproxy.Client
	// failed is the reason for which statuses are shown.
	failed error
}

func (l *liveValues) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.mode, "live", liveAuto, "values of the leader instead of those of the status: auto (the status, if the leader cannot be reached), always (an error then) or never")
	_ = cmd.RegisterFlagCompletionFunc("live", cobra.FixedCompletions(liveModes, cobra.ShellCompDirectiveNoFileComp))
}

// check returns an error if the value of the flag is unknown, or if the flag has no effect.
func (l *liveValues) check(cmd *cobra.Command) error {
	var err error
	if !slices.Contains(liveModes, l.mode) {
		err = fmt.Errorf("--live is %q: expected auto, always or never", l.mode)
	}
	return errors.Join(err, excludes(cmd, "config", "live"))
}

// connect connects to the Impulse in the namespace of the Lease.
func (l *liveValues) connect(ctx context.Context, c *cluster, lease string) {
	if l.mode == liveNever || c.files != "" || l.client != nil || l.failed != nil {
		return
	}
	config, err := c.Config()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, liveTimeout)
		defer cancel()
		l.client, err = serviceproxy.Connect(ctx, config, lease)
	}
	l.failed = err
}

// object returns an object as the leader sees it; nil if it cannot be read, or if the leader knows only its status.
func (l *liveValues) object(ctx context.Context, so *v1alpha1.ScaledObject) *live.Object {
	if l.client == nil || l.failed != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	o, err := l.client.Object(ctx, so.Namespace, so.Name)
	if err != nil && !errors.Is(err, live.ErrNotFound) {
		l.failed = err
	}
	if err != nil || !o.Present || o.UID != string(so.UID) {
		return nil
	}
	return o
}

// rows returns the rows of a namespace as the leader sees them, by namespace and name; "" means all namespaces.
func (l *liveValues) rows(ctx context.Context, namespace string) map[string]*live.Row {
	if l.client == nil || l.failed != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	all, err := l.client.Rows(ctx, namespace)
	if err != nil {
		l.failed = err
		return nil
	}
	rows := make(map[string]*live.Row, len(all))
	for i := range all {
		rows[all[i].Namespace+"/"+all[i].Name] = &all[i]
	}
	return rows
}

// report returns the failure as an error with --live=always. Otherwise it prints one line that statuses are shown, and why.
func (l *liveValues) report(errs io.Writer) error {
	switch {
	case l.failed == nil:
		return nil
	case l.mode == liveAlways:
		return fmt.Errorf("read the live values: %w", l.failed)
	}
	_, err := fmt.Fprintf(errs, "warning: this is the status, not the live values: %s\n", strings.ReplaceAll(l.failed.Error(), "\n", " "))
	return err
}
