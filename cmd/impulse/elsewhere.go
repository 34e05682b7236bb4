package main

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/alertlist"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// elsewhere returns a sentence about an alert that an object would select if its sender had not delivered it for another namespace;
// "" if there is none, or if the user may not read the AlertSets. lease is their namespace.
func (c *cluster) elsewhere(ctx context.Context, lease string, w *compile.Workload, status *v1alpha1.ScaledObjectStatus) string {
	if c.files != "" || !alertlist.Awaits(w, status) {
		return ""
	}
	l := listing{cluster: cluster{Cluster: c.Cluster}, every: true, lease: lease}
	stored, workloads, _, err := l.fromCluster(ctx)
	if err != nil {
		return ""
	}
	a, ok := alertlist.Elsewhere(stored.Alerts, workloads, w)
	if !ok {
		return ""
	}
	where := "for namespace " + a.Namespace
	if a.Namespace == alertlist.ClusterWide {
		where = "for the whole cluster"
	}
	return fmt.Sprintf("alert %s, which this object would select, was delivered %s, where no object selects it: is %s the namespace in the URL of its receiver?",
		a.Name(), where, w.Namespace)
}
