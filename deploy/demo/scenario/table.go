package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const row = "%-10s %-22s %-10s %-9s %-10s %s"

// Watch prints one line for each change of replicas, as `kubectl get so -w` would, with the reason and the time since the
// event, until ctx is done.
func (s *Stack) Watch(ctx context.Context) error {
	if err := s.checkAlert(ctx); err != nil {
		return err
	}
	s.hints(os.Stdout)
	printLine(row, "NAME", "REFERENCE", "TARGETS", "REPLICAS", "LATENCY", "WHY")
	for _, name := range workloads {
		v := s.view(ctx, name)
		printLine(row, name, "Deployment/"+name, v.targets, v.replicas, "", v.reason)
	}
	var background sync.WaitGroup
	defer background.Wait()
	background.Go(func() { s.join(ctx) })
	background.Go(func() { s.play(ctx) })
	return follow(ctx, s.impulseLog, func(c scaleLine) {
		v := s.view(ctx, c.Object)
		printLine(row, c.Object, "Deployment/"+c.Object, v.targets, fmt.Sprintf("%d → %d", c.From, c.To), after(c), c.Why)
	})
}

// join adds the parts and prints a line for each.
func (s *Stack) join(ctx context.Context) {
	err := s.joinAll(ctx, func(_ context.Context, p part) error {
		printLine("• %s follows %s", strings.Join(p.workloads, ", "), p.what)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		printLine("a source is not ready: %v", err)
	}
}

// play drives the loads up and down until ctx is done.
func (s *Stack) play(ctx context.Context) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		if err := s.turn(ctx, n); err != nil && ctx.Err() == nil {
			fmt.Println("the load:", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turn does turn n of the play: the queue is filled in one turn and drained in the next, and a pod is busy for four turns and
// idle for four, because metrics-server is slower.
func (s *Stack) turn(ctx context.Context, n int) error {
	fill := func(context.Context, int) error { return nil } // Until NATS is ready.
	if q := s.queued(); q != nil {
		fill = q.produce
		if n%2 == 1 {
			fill = q.consume
		}
	}
	switch n % 8 {
	case 0:
		return errors.Join(fill(ctx, 30), s.setUsage(ctx, busy))
	case 4:
		return errors.Join(fill(ctx, 30), s.setUsage(ctx, idle))
	}
	return fill(ctx, 30)
}

// after returns the time between the event and the end of the write.
func after(c scaleLine) string {
	if c.Latency == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", *c.Latency)
}

// view is one line of a ScaledObject's status.
type view struct{ targets, replicas, reason string }

// view reads a ScaledObject; fields that cannot be read are "?".
func (s *Stack) view(ctx context.Context, name string) view {
	so, err := s.dynamic.Resource(scaledObjects).Namespace(Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return view{"?", "?", err.Error()}
	}
	text := func(fields ...string) string {
		value, found, err := unstructured.NestedFieldNoCopy(so.Object, append([]string{"status"}, fields...)...)
		if err != nil || !found {
			return "?"
		}
		return fmt.Sprint(value)
	}
	return view{text("targets"), text("replicas"), text("reason")}
}

// hints prints commands to try.
func (s *Stack) hints(w io.Writer) {
	fmt.Fprintf(w, `
Five Deployments in namespace %[1]s follow an alert, a query, a queue, a schedule and the usage of their pods, each as soon as
its source is built and ready; a line below tells when. The page shows them live: %[7]s/
In another terminal:

  export KUBECONFIG=%[2]s PATH=%[3]s:%[5]s:$PATH
  kubectl -n %[1]s get so -w
  curl -X POST %[4]s/scale/up       # hits rise: web follows the query, checkout the alert above 300
  curl -X POST %[4]s/scale/down     # and fall
  impulse send alert --server %[6]s -n %[1]s alertname=HighHitCount   # checkout follows; --resolve ends it
  impulse explain -n %[1]s web      # why this number, until when, and what would change it
  impulse history -n %[1]s web      # the decisions before

Every 15 seconds 30 messages are added to worker's queue or removed from it; office has its hours every other minute,
and a pod of api is busy for a minute and idle for one. LATENCY is the time from an event to the end of the write.
Impulse's metrics are at %[6]s/metrics. Ctrl-C ends everything.

This Impulse scales only the namespace %[1]s. To go on in one of your own, in that terminal:

  kubectl create namespace shop
  impulse run --namespace shop --lease-namespace shop --listen 127.0.0.1:18180 --page-listen '' --allow-source-addresses 127.0.0.0/8,::1

`, Namespace, s.addresses.Kubeconfig, s.addresses.Bin, s.mock, s.dir, s.values.ImpulseURL, s.values.PageURL)
	fmt.Fprintln(w, strings.Repeat("─", 100))
}
