package main

import (
	"context"
	"sync"

	// The kinds in the controllers' own scheme.
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/authentication/install"
	_ "k8s.io/kubernetes/pkg/apis/authorization/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

// loop is a controller that is ready to run, until its context is done.
type loop = func(context.Context)

// controllers lists what runs, in the order in which it is made: the tokens of the service accounts come first, because
// the others need them.
func controllers() []func(context.Context, *cluster) (loop, error) {
	return []func(context.Context, *cluster) (loop, error){
		serviceAccountTokens, serviceAccounts, rootCertificates, clusterRoles,
		namespaces, garbage, resourceQuotas, nodes, taints,
		deployments, replicaSets, replicationControllers, statefulSets, daemonSets, jobs, cronJobs, finishedJobs,
		endpoints, endpointSlices, mirroredEndpoints, disruptionBudgets, horizontalPodAutoscalers,
	}
}

// together runs loops at once and returns when all have ended.
func together(loops ...loop) loop {
	return func(ctx context.Context) {
		var all sync.WaitGroup
		for _, l := range loops {
			all.Go(func() { l(ctx) })
		}
		all.Wait()
	}
}
