package inspect

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// ofChart selects the objects of the chart, unless nameOverride is set.
const ofChart = "app.kubernetes.io/name=impulse"

// deployments reads those of the chart in all namespaces, and all of the namespace of the Lease. Only the latter must succeed.
func (r *reader) deployments(ctx context.Context) {
	here := list[appsv1.Deployment](ctx, r, deployments, r.LeaseNamespace, "")
	everywhere := list[appsv1.Deployment](ctx, r, deployments, "", ofChart)
	if here.Err != nil && everywhere.Err != nil {
		r.in.Deployments.Err = here.Err
		return
	}
	seen := map[doctor.Key]bool{}
	for _, all := range [][]appsv1.Deployment{here.Value, everywhere.Value} {
		for i := range all {
			key := doctor.Key{Namespace: all[i].Namespace, Name: all[i].Name}
			if !seen[key] {
				r.in.Deployments.Value = append(r.in.Deployments.Value, all[i])
			}
			seen[key] = true
		}
	}
}

// between is the time between two reads of a Lease that seems stale; a leader renews it each second.
const between = 3 * time.Second

// lease reads the Lease of the leader: twice if it seems stale, because the clocks of this machine and of the leader may differ.
func (r *reader) lease(ctx context.Context) {
	first := r.readLease(ctx)
	r.in.Lease = first
	if first.Err != nil || first.Value == nil || first.Value.Holder == "" || first.Value.Age(time.Now()) <= doctor.LeaseExpires {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(between):
	}
	if second := r.readLease(ctx); second.Err == nil && second.Value != nil {
		second.Value.Advanced = second.Value.Renewed.After(first.Value.Renewed)
		r.in.Lease = second
	}
}

func (r *reader) readLease(ctx context.Context) doctor.Read[*doctor.Lease] {
	leader, err := election.ReadLeader(ctx, r.Config, r.LeaseNamespace, r.LeaseName)
	switch {
	case apierrors.IsNotFound(err):
		return doctor.Read[*doctor.Lease]{}
	case err != nil:
		return doctor.Read[*doctor.Lease]{Err: objects.Explain(errors.Unwrap(err), r.Config.Host, "get", "leases.coordination.k8s.io", r.LeaseNamespace)}
	default:
		return doctor.Read[*doctor.Lease]{Value: &doctor.Lease{Holder: leader.Identity, Version: leader.Version, Renewed: leader.Renewed}}
	}
}
