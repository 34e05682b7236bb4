package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// edgeNamespace has the objects whose cron triggers begin and end at the same times, and edgeBareNamespace as many Deployments for bare writes.
	edgeNamespace, edgeBareNamespace = "edge", "edge-bare"
	// edgeSpec is active from each even minute to the next odd one, so that each minute begins with an edge.
	edgeSpec = `"minReplicaCount": 1, "maxReplicaCount": 10,
		"advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}},
		"triggers": [{"type": "cron", "metadata": {"timezone": "UTC", "start": "*/2 * * * *", "end": "1-59/2 * * * *", "desiredReplicas": "5"}}]`
	// edgeRounds is the number of edges that are measured, after a first one, and edgeTimeout the time in which all writes of one must have been
	// observed. With -quick only the first one is.
	edgeRounds  = 2
	edgeTimeout = 50 * time.Second
	// edgeBareWriters is the number of clients of the bare writes.
	edgeBareWriters = 64
)

// edges measures the time from an edge of n cron triggers until the last count was observed, compared with n bare writes.
func edges(ctx context.Context, p *plane, n int, all []impulseBuild, o options) ([]result, error) {
	fmt.Printf("• making %d Deployments with cron triggers, and as many without\n", n)
	for _, ns := range []string{edgeNamespace, edgeBareNamespace} {
		if err := p.createNamespace(ctx, ns); err != nil {
			return nil, err
		}
	}
	err := parallel(n, fillers, func(i int) error {
		if err := p.createDeployment(ctx, edgeBareNamespace, app(i), app(i), low); err != nil {
			return err
		}
		return p.createWorkload(ctx, edgeNamespace, app(i), low, edgeSpec)
	})
	if err != nil {
		return nil, err
	}
	v, err := p.watch(ctx)
	if err != nil {
		return nil, err
	}
	e := &edgeRun{env: p.env, watcher: v, n: n, bareCount: low}
	return inTurn(all, func(b impulseBuild) ([]result, error) { return e.measure(ctx, b, o) })
}

// edgeRun are the Deployments of edges.
type edgeRun struct {
	*env

	watcher *watcher
	n       int
	// bareCount is the count of the Deployments that bare writes change.
	bareCount int32
}

// measure measures one build.
func (e *edgeRun) measure(ctx context.Context, b impulseBuild, o options) ([]result, error) {
	s, err := e.launch(ctx, b, edgeNamespace, o)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	if err := e.awaitDesired(ctx, s, e.n); err != nil {
		return nil, err
	}
	before, rounds := 1, 1+edgeRounds // The first edge may come while the statuses of the start are written.
	if o.quick {
		before, rounds = 0, 1
		if err := wait(ctx, quietAfter); err != nil {
			return nil, err
		}
	}
	var ours, bare []time.Duration
	for len(ours) < rounds {
		took, err := e.edge(ctx)
		if err != nil {
			return nil, err
		}
		reference, err := e.bareWrites(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Printf("  %s: %d counts %.2f s after the edge, %d bare writes in %.2f s\n", b.name, e.n, took.Seconds(), e.n, reference.Seconds())
		ours, bare = append(ours, took), append(bare, reference)
	}
	return []result{compare(fmt.Sprintf("edge/%d/last-write", e.n), ours[before:], bare[before:])}, s.Err()
}

// awaitDesired waits until an Impulse has decided on n objects.
func (w *env) awaitDesired(ctx context.Context, s *started, n int) error {
	return process.WaitFor(ctx, startTimeout, "each object has been decided", func(ctx context.Context) (bool, error) {
		metrics, err := w.scrape(ctx, s.url)
		if err != nil {
			return false, s.Err() // It may not serve yet.
		}
		decided, _ := metrics.sum("impulse_desired_replicas")
		return decided >= n, s.Err()
	})
}

// edge waits for the next minute, and returns the time from there until the last count was observed.
func (e *edgeRun) edge(ctx context.Context) (time.Duration, error) {
	const ahead = 3 * time.Second
	at := time.Now().Add(ahead).Truncate(time.Minute).Add(time.Minute)
	if err := wait(ctx, time.Until(at.Add(-ahead))); err != nil {
		return 0, err
	}
	count := int32(low)
	if at.Minute()%2 == 0 {
		count = high
	}
	seen := make([]<-chan time.Time, e.n)
	for i := range seen {
		seen[i] = e.watcher.expect(edgeNamespace+"/"+app(i), count)
	}
	last, err := lastOf(ctx, seen, edgeTimeout)
	return last.Sub(at), err
}

// bareWrites writes the count of as many other Deployments, and returns the time until the last one was observed.
func (e *edgeRun) bareWrites(ctx context.Context) (time.Duration, error) {
	e.bareCount = low + high - e.bareCount
	seen := make([]<-chan time.Time, e.n)
	for i := range seen {
		seen[i] = e.watcher.expect(edgeBareNamespace+"/"+app(i), e.bareCount)
	}
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, e.bareCount)
	began := time.Now()
	err := parallel(e.n, edgeBareWriters, func(i int) error {
		_, err := e.kube.AppsV1().Deployments(edgeBareNamespace).Patch(ctx, app(i), types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
		if err != nil {
			return fmt.Errorf("patch the scale of %s: %w", app(i), err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	last, err := lastOf(ctx, seen, edgeTimeout)
	return last.Sub(began), err
}

// lastOf returns the latest of times that are still to come.
func lastOf(ctx context.Context, seen []<-chan time.Time, timeout time.Duration) (last time.Time, err error) {
	limit := time.After(timeout)
	for i, c := range seen {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-limit:
			return last, fmt.Errorf("%s, or one of the %d after it, did not change within %s", app(i), len(seen)-i-1, timeout)
		case at := <-c:
			if at.After(last) {
				last = at
			}
		}
	}
	return last, nil
}
