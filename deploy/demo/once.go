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

// patience is how long each Deployment may take to follow; the schedule's window opens within a minute.
const patience = 70 * time.Second

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

// drive shows the first Deployment that follows an event, and then each other one as soon as its source is there.
func (s *stack) drive(ctx context.Context) error {
	if err := s.follows(ctx); err != nil {
		return err
	}
	return s.joinAll(ctx, s.check)
}

// follows shows that checkout follows an alert that is sent to Impulse by hand, up and down.
func (s *stack) follows(ctx context.Context) error {
	say("• impulse send alert alertname=HighHitCount: checkout follows")
	if err := s.send(ctx, 5); err != nil {
		return err
	}
	return s.send(ctx, 1, "--resolve")
}

// check drives the load of one part up and down, and waits until its Deployments have followed.
func (s *stack) check(ctx context.Context, p part) error {
	if s.leaves && slices.Contains(p.workloads, "api") {
		return nil // What pods use cannot be said where kubelets are real.
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
			if err := s.reaches(ctx, name, change.want[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reaches waits until a Deployment has n replicas, asked for and ready.
func (s *stack) reaches(ctx context.Context, name string, n int64) error {
	began := time.Now()
	err := s.until(ctx, patience, fmt.Sprintf("%s reaches %d replicas", name, n), func(ctx context.Context) (bool, error) {
		d, err := s.dynamic.Resource(deployments).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		asked, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		ready, _, _ := unstructured.NestedInt64(d.Object, "status", "readyReplicas")
		return asked == n && ready == n, nil
	})
	if err == nil {
		say("  ✓ %s has %d ready replicas (%.1fs)", name, n, time.Since(began).Seconds())
	}
	return err
}

// collect follows the changes in the background; the returned function ends that and hands over what was seen.
func (s *stack) collect(ctx context.Context) func() []scaled {
	ctx, cancel := context.WithCancel(ctx)
	var seen []scaled
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = follow(ctx, s.impulseLog, func(c scaled) { seen = append(seen, c) })
	}()
	return func() []scaled {
		cancel()
		<-done
		return seen
	}
}

// summary prints every change that Impulse made.
func summary(changes []scaled) {
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nTIME\tNAME\tREPLICAS\tLATENCY\tWHY")
	for _, c := range slices.SortedFunc(slices.Values(changes), func(a, b scaled) int { return a.Time.Compare(b.Time) }) {
		fmt.Fprintf(tw, "%s\t%s\t%d → %d\t%s\t%s\n", c.Time.Format(time.TimeOnly), c.Object, c.From, c.To, after(c), c.Why)
	}
	_ = tw.Flush()
}
