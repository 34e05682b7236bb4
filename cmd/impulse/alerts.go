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
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// listing holds the flags of impulse alerts.
type listing struct {
	cluster

	lease    string
	every    bool
	resolved bool
	output   output
}

func alertsCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "alerts [MATCHER...]",
		Short: "List the alerts and pushed levels that are recorded, and which objects select them",
		Long: "Alerts lists the alerts and pushed levels that Impulse has recorded for the objects of a namespace. STATE is the state for the\n" +
			"triggers that select the alert: firing; pushed, for a level; stale (it counts, but was not repeated within its ttl); waits until\n" +
			"TIME (it fires again soon after it was resolved, and counts from TIME on); over (nobody resolved it, but it no longer counts: it was not\n" +
			"repeated within twice its ttl, or, with absentMeansResolved, deliveries of its group no longer contain it); or resolved. If\n" +
			"objects have different states, STATE is the one that comes first in this list, and each object with another state is listed\n" +
			"with it. After an outage of Impulse, an alert may count for one more ttl, which impulse explain shows.\n" +
			"The alerts come from the AlertSets of the cluster, or with --config from the stored states of an Impulse that reads files.\n" +
			"Exit code: 0 the alerts were listed, or there are none; 2 they cannot be read.",
		Example: `  impulse alerts -n shop
  impulse alerts -A -o wide

  # Alerts with some labels, in Alertmanager's syntax, including resolved ones
  impulse alerts -A 'severity=~"page|scale"' --resolved

  # Alerts that no object selects
  impulse alerts -A -o json | jq '.[] | select(.selectedBy == [])'

  # The alerts of an Impulse that runs with --config
  impulse alerts -A --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return l.list(cmd, args)
		},
	}
	l.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&l.every, "all-namespaces", "A", false, "list the alerts of all namespaces, and those for the whole cluster")
	f.BoolVar(&l.resolved, "resolved", false, "list also resolved alerts that are still recorded")
	leaseFlag(cmd, &l.lease)
	l.output.flag(cmd, "wide")
	return cmd
}

// leaseFlag adds the flag of commands that read AlertSets.
func leaseFlag(cmd *cobra.Command, lease *string) {
	cmd.Flags().StringVar(lease, "lease-namespace", app.Defaults().LeaseNamespace, "namespace of the AlertSets; use the same value as for impulse run")
}

func (l *listing) list(cmd *cobra.Command, args []string) error {
	wide := l.output.value == "wide"
	match, err := alertlist.Matching(args)
	err = errors.Join(err, l.output.check(), l.check(cmd), excludes(cmd, "config", "lease-namespace"), excludes(cmd, "all-namespaces", "namespace"))
	if err != nil {
		return err
	}
	read := l.fromCluster
	if l.files != "" {
		read = l.fromFolder
	}
	stored, workloads, namespace, err := read(cmd.Context())
	if err != nil {
		return err
	}
	all := alertlist.List(stored.Alerts, workloads, alertlist.Filter{Namespace: namespace, Resolved: l.resolved, Match: match}, time.Now())
	warn(cmd.ErrOrStderr(), &stored)
	if len(stored.Alerts) == 0 && !l.hasLease(cmd.Context(), l.lease) {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: there is no Lease %s/%s: set --lease-namespace to that of impulse run\n", l.lease, app.Defaults().LeaseName)
	}
	if len(all) == 0 && (wide || l.output.value == "text") {
		where := "any namespace"
		if namespace != "" {
			where = "namespace " + namespace
		}
		_, err := fmt.Fprintf(cmd.ErrOrStderr(), "no such alert is recorded for the objects of %s\n", where)
		return err
	}
	return l.output.write(cmd.OutOrStdout(), all, func(w io.Writer) error { return alertlist.Text(w, all, wide) })
}

// warn prints a warning if the list may be incomplete.
func warn(w io.Writer, s *alertlist.Stored) {
	for _, name := range s.Unreadable {
		fmt.Fprintf(w, "warning: AlertSet %s cannot be read: alerts may be missing from the list\n", name)
	}
	if !s.LostAt.IsZero() {
		fmt.Fprintf(w, "warning: some alerts were lost at %s: alerts may be missing from the list\n", s.LostAt.UTC().Format(time.RFC3339))
	}
}

// fromCluster reads the AlertSets, and the objects of the namespace that it returns, or of all namespaces if that is "".
func (l *listing) fromCluster(ctx context.Context) (stored alertlist.Stored, workloads []*compile.Workload, namespace string, err error) {
	config, err := l.Config()
	if err != nil {
		return stored, nil, "", err
	}
	if namespace = l.namespace; namespace == "" && !l.every {
		if namespace, err = l.Namespace(); err != nil {
			return stored, nil, "", err
		}
	}
	c, err := apiclient.New(config)
	if err != nil {
		return stored, nil, "", err
	}
	if stored, err = alertlist.FromCluster(ctx, c, l.lease); err != nil {
		return stored, nil, "", objects.Explain(err, config.Host, "list", "alertsets.impulse.sh", l.lease)
	}
	client, err := objects.New(config)
	if err != nil {
		return stored, nil, "", err
	}
	list, err := client.List(ctx, objects.Query{Namespace: namespace})
	if err != nil {
		return stored, nil, "", err
	}
	for i := range list.Items {
		so := &list.Items[i]
		compile.Default(so)
		if w, _ := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings()); w != nil {
			workloads = append(workloads, w)
		}
	}
	return stored, workloads, namespace, nil
}

// fromFolder reads the folder of stored states, and the objects of the files.
func (l *listing) fromFolder(context.Context) (stored alertlist.Stored, workloads []*compile.Workload, namespace string, err error) {
	if !l.every {
		namespace = cmp.Or(l.namespace, manifest.DefaultNamespace)
	}
	if stored, err = alertlist.FromFolder(filepath.Join(l.stateDir, app.AlertStates)); err != nil {
		return stored, nil, "", err
	}
	objects, _, err := manifest.Load([]string{l.files}, nil)
	if err != nil && !errors.Is(err, manifest.ErrNoFile) {
		return stored, nil, "", fmt.Errorf("--config: %w", err)
	}
	compiled, _ := manifest.Compile(objects, builtin.Kinds())
	for i := range compiled {
		workloads = append(workloads, compiled[i].Workload)
	}
	return stored, workloads, namespace, nil
}
