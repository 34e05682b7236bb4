package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// followTimeout is how long each Deployment may take to follow; the schedule's window opens within a minute.
const followTimeout = 70 * time.Second

// once drives load up and down, checks that each Deployment followed, and prints a summary.
func once(ctx context.Context, s *stack) error {
	changes := s.collect(ctx)
	err := s.drive(ctx)
	summary(changes())
	if err == nil {
		fmt.Println("\nevery Deployment followed")
	}
	return err
}

// drive checks the Deployment that follows an alert, and then each other one as soon as its source is ready.
func (s *stack) drive(ctx context.Context) error {
	if err := s.checkAlert(ctx); err != nil {
		return err
	}
	return s.joinAll(ctx, s.check)
}

// checkAlert checks that checkout follows an alert, up and down, which `impulse send alert` sends.
func (s *stack) checkAlert(ctx context.Context) error {
	printLine("• impulse send alert alertname=HighHitCount: checkout follows")
	if err := s.send(ctx, 5); err != nil {
		return err
	}
	return s.send(ctx, 1, "--resolve")
}

// check drives the load of one part up and down, and waits until its Deployments have followed.
func (s *stack) check(ctx context.Context, p part) error {
	if s.userCluster && slices.Contains(p.workloads, "api") {
		return nil // The usage of pods cannot be set where kubelets are real.
	}
	for _, change := range []struct {
		what string
		do   func(context.Context) error
		want map[string]int64
	}{{"rises", p.rise, p.up}, {"falls", p.fall, p.down}} {
		if change.do != nil {
			if err := change.do(ctx); err != nil {
				return fmt.Errorf("the load %s: %w", change.what, err)
			}
		}
		for _, name := range p.workloads {
			if err := s.awaitReplicas(ctx, name, change.want[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitReplicas waits until a Deployment wants n replicas and has n ready ones.
func (s *stack) awaitReplicas(ctx context.Context, name string, n int64) error {
	began := time.Now()
	err := s.until(ctx, followTimeout, fmt.Sprintf("%s reaches %d replicas", name, n), func(ctx context.Context) (bool, error) {
		d, err := s.dynamic.Resource(deployments).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		wanted, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		ready, _, _ := unstructured.NestedInt64(d.Object, "status", "readyReplicas")
		return wanted == n && ready == n, nil
	})
	if err == nil {
		printLine("  ✓ %s has %d ready replicas (%.1fs)", name, n, time.Since(began).Seconds())
	}
	return err
}

// collect follows the changes in the background; the returned function stops that and returns them.
func (s *stack) collect(ctx context.Context) func() []scaleLine {
	ctx, cancel := context.WithCancel(ctx)
	var changes []scaleLine
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = follow(ctx, s.impulseLog, func(c scaleLine) { changes = append(changes, c) })
	}()
	return func() []scaleLine {
		cancel()
		<-done
		return changes
	}
}

// summary prints every change that Impulse made.
func summary(changes []scaleLine) {
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nTIME\tNAME\tREPLICAS\tLATENCY\tWHY")
	for _, c := range slices.SortedFunc(slices.Values(changes), func(a, b scaleLine) int { return a.Time.Compare(b.Time) }) {
		fmt.Fprintf(tw, "%s\t%s\t%d → %d\t%s\t%s\n", c.Time.Format(time.TimeOnly), c.Object, c.From, c.To, after(c), c.Why)
	}
	_ = tw.Flush()
}
