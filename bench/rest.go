package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// restNamespace is the namespace of a fleet whose loads stay near their targets: each workload has hoverCount replicas, and
	// every hoverInterval its query returns hoverTarget per replica, plus or minus hoverShare.
	restNamespace           = "bench-rest"
	hoverCount, hoverTarget = 10, 100
	hoverShare              = 0.05
	hoverInterval           = 5 * time.Second
	// statusBudget is the number of status writes of that fleet per minute, leaseBudget that of renewals per second.
	statusBudget, leaseBudget = 1, 1
)

var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

// hover answers queries as Prometheus does, each time with another level near the target, and counts them.
type hover struct{ readings atomic.Int64 }

// ServeHTTP answers a query.
func (h *hover) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h.readings.Add(1)
	level := hoverCount * hoverTarget * (1 + hoverShare*(2*rand.Float64()-1))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status": "success", "data": {"resultType": "scalar", "result": [%d, "%.3f"]}}`, time.Now().Unix(), level)
}

// rest measures the writes for a fleet whose replicas need not change: statuses, and renewals of the Lease, as the API server
// gets them.
func rest(ctx context.Context, w *env, o options) ([]result, error) {
	fmt.Printf("• %d objects that are read every %s, within %.0f %% of their target, for %s\n", o.objects, hoverInterval, 100*hoverShare, o.duration)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &hover{}
	p, err := w.startResting(ctx, h, o)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	err = process.WaitFor(ctx, time.Minute, "there were three answers per query on average", func(context.Context) (bool, error) {
		return h.readings.Load() >= 3*int64(o.objects), p.Err()
	})
	if err != nil {
		return nil, err
	}
	statuses, err := w.writes(ctx, scaledObjects, restNamespace)
	if err != nil {
		return nil, err
	}
	renewals, err := w.writes(ctx, leases, restNamespace)
	if err != nil {
		return nil, err
	}
	began, before := time.Now(), h.readings.Load()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.duration):
	}
	took, readings := time.Since(began), h.readings.Load()-before
	fmt.Printf("  %d readings, %d statuses written, %d renewals of the Lease\n", readings, statuses.Load(), renewals.Load())
	return []result{
		single(fmt.Sprintf("rest/%d-objects/status-writes", o.objects), "/min", int(readings), float64(statuses.Load())/took.Minutes(), statusBudget),
		single("rest/lease-writes", "/s", int(took.Seconds()), float64(renewals.Load())/took.Seconds(), leaseBudget),
	}, p.Err()
}

// startResting creates the fleet, runs an Impulse of its own for it, and waits until every object has a status.
func (w *env) startResting(ctx context.Context, h *hover, o options) (*process.Process, error) {
	url, err := serve(ctx, h)
	if err != nil {
		return nil, err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: restNamespace}}
	if _, err := w.kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create namespace %s: %w", restNamespace, err)
	}
	spec := fmt.Sprintf(`"minReplicaCount": 1, "maxReplicaCount": 100, "pollingInterval": %d, "triggers": [{"type": "prometheus",
		"metadata": {"serverAddress": "%s", "query": "APP", "threshold": %d}}]`, int(hoverInterval.Seconds()), url, hoverTarget)
	for i := range o.objects {
		if err := w.createWorkload(ctx, restNamespace, app(i), hoverCount, spec); err != nil {
			return nil, err
		}
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, w.dir, "impulse-rest", w.binary, "run", "--kubeconfig", w.kubeconfig,
		"--namespace", restNamespace, "--lease-namespace", restNamespace, "--listen", address, "--allow-source-addresses", "127.0.0.0/8")
	if err != nil {
		return nil, err
	}
	if err := w.awaitDecisions(ctx, restNamespace, p); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// writes counts the changes of one kind of object in a namespace from now on until ctx is done, with a watch.
func (w *env) writes(ctx context.Context, of schema.GroupVersionResource, ns string) (*atomic.Int64, error) {
	all := w.dynamic.Resource(of).Namespace(ns)
	list, err := all.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", of.Resource, err)
	}
	stream, err := watchtools.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) { return all.Watch(ctx, o) },
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", of.Resource, err)
	}
	n := &atomic.Int64{}
	go func() { // It ends when ctx is done.
		defer stream.Stop()
		for e := range stream.ResultChan() {
			if e.Type == watch.Modified {
				n.Add(1)
			}
		}
	}()
	return n, nil
}
