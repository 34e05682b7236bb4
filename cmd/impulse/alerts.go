package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/alertlist"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// listing are the flags of `impulse alerts`.
type listing struct {
	cluster

	lease    string
	every    bool
	resolved bool
	format   format
}

func alertsCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "alerts [MATCHER...]",
		Short: "List the alerts and pushed levels that are recorded, and which objects select them",
		Long: "Alerts lists what Impulse has recorded for the objects of a namespace. STATE is that for the triggers that select the alert:\n" +
			"firing; stale (it counts, and was not repeated within its ttl); over (ttl or absence: it counts no longer, and nobody\n" +
			"resolved it); waits until (it fires again after its resolve); or pushed, of a level. An object for which it counts less is\n" +
			"listed with its own state. After an outage of Impulse an alert may count for one more ttl: impulse explain says so.\n" +
			"It reads the AlertSets of the cluster; with --config, the folder of states of a process that reads files.\n" +
			"Exit code: 0 they are listed, also when there are none; 2 they could not be read.",
		Example: `  impulse alerts -n shop
  impulse alerts -A -o wide

  # Those of some labels, in Alertmanager's syntax, and those that are over as well
  impulse alerts -A 'severity=~"page|scale"' --resolved

  # What no object selects
  impulse alerts -A -o json | jq '.[] | select(.selectedBy == [])'

  # Of a process that runs with --config
  impulse alerts -A --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return l.list(cmd, args)
		},
	}
	l.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&l.every, "all-namespaces", "A", false, "list those of all namespaces, and of the cluster-wide door")
	f.BoolVar(&l.resolved, "resolved", false, "list also what was resolved and is still remembered")
	leaseFlag(cmd, &l.lease)
	f.StringVarP((*string)(&l.format), "output", "o", "text", "text, wide, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "wide", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// leaseFlag is the flag of commands that read AlertSets.
func leaseFlag(cmd *cobra.Command, lease *string) {
	cmd.Flags().StringVar(lease, "lease-namespace", app.Defaults().LeaseNamespace, "namespace of the AlertSets, as impulse run was given it")
}

func (l *listing) list(cmd *cobra.Command, args []string) error {
	f, wide := l.format, l.format == "wide"
	if wide {
		f = "text"
	}
	match, err := alertlist.Matching(args)
	if f.check() != nil {
		err = errors.Join(err, fmt.Errorf("--output is %q: expected text, wide, json or yaml", f))
	}
	err = errors.Join(err, l.check(cmd), excludes(cmd, "config", "lease-namespace"), excludes(cmd, "all-namespaces", "namespace"))
	if err != nil {
		return err
	}
	read := l.fromCluster
	if l.config != "" {
		read = l.fromFolder
	}
	stored, workloads, namespace, err := read(cmd.Context())
	if err != nil {
		return err
	}
	all := alertlist.List(stored.Alerts, workloads, alertlist.Filter{Namespace: namespace, Resolved: l.resolved, Match: match}, time.Now())
	warn(cmd.ErrOrStderr(), &stored)
	if len(all) == 0 && f == "text" {
		where := "any namespace"
		if namespace != "" {
			where = "namespace " + namespace
		}
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "no such alert is recorded for the objects of %s\n", where)
		return err
	}
	return f.print(cmd.OutOrStdout(), all, func(w io.Writer) error { return alertlist.Text(w, all, wide) })
}

// warn says that there may be more alerts than those that are listed.
func warn(w io.Writer, s *alertlist.Stored) {
	for _, name := range s.Unreadable {
		fmt.Fprintf(w, "warning: AlertSet %s cannot be read: others may be firing\n", name)
	}
	if !s.LostAt.IsZero() {
		fmt.Fprintf(w, "warning: some of the record was lost at %s: others may be firing\n", s.LostAt.UTC().Format(time.RFC3339))
	}
}

// fromCluster reads the AlertSets, and the objects of all namespaces, or of the one that is returned.
func (l *listing) fromCluster(ctx context.Context) (stored alertlist.Stored, workloads []*compile.Workload, namespace string, err error) {
	found := config.Find(l.kubeconfig, l.context)
	config, err := config.Config(found)
	if err != nil {
		return stored, nil, "", err
	}
	if namespace = l.namespace; namespace == "" && !l.every {
		if namespace, _, err = found.Namespace(); err != nil {
			return stored, nil, "", fmt.Errorf("find the namespace: %w", err)
		}
	}
	client, err := controller.Client(config)
	if err != nil {
		return stored, nil, "", err
	}
	if stored, err = alertlist.FromCluster(ctx, client, l.lease); err != nil {
		return stored, nil, "", err
	}
	objects, err := controller.List(ctx, config, namespace)
	if err != nil {
		return stored, nil, "", err
	}
	for _, so := range objects {
		if w, _ := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings()); w != nil {
			workloads = append(workloads, w)
		}
	}
	return stored, workloads, namespace, nil
}

// fromFolder reads the folder of states, and the objects of the files.
func (l *listing) fromFolder(context.Context) (stored alertlist.Stored, workloads []*compile.Workload, namespace string, err error) {
	if !l.every {
		namespace = cmp.Or(l.namespace, manifest.DefaultNamespace)
	}
	if stored, err = alertlist.FromFolder(filepath.Join(l.stateDir, app.AlertStates)); err != nil {
		return stored, nil, "", err
	}
	objects, _, err := manifest.Load([]string{l.config}, nil)
	if err != nil && !errors.Is(err, manifest.ErrNoFile) {
		return stored, nil, "", fmt.Errorf("--config: %w", err)
	}
	compiled, _ := manifest.Compile(objects, builtin.Kinds())
	for i := range compiled {
		workloads = append(workloads, compiled[i].Workload)
	}
	return stored, workloads, namespace, nil
}
