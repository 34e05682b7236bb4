package main

import (
	"context"
	"errors"
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

// stage is one change of load and the counts that must follow.
type stage struct {
	what string
	do   func(context.Context) error
	want map[string]int64
}

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

// drive goes through the stages, in order.
func (s *stack) drive(ctx context.Context) error {
	stages := []stage{
		{"load rises: hits to 1000, 50 messages, a busy pod", s.rise, map[string]int64{"checkout": 5, "web": 10, "worker": 5}},
		{"the schedule's window opens; what pods use is known", nil, map[string]int64{"office": 3, "api": 4}},
		{"load falls: hits to 0, the queue is drained, pods are idle", s.fall, map[string]int64{"checkout": 1, "web": 1, "worker": 0}},
		{"the schedule's window closes; what pods use is known", nil, map[string]int64{"office": 1, "api": 1}},
	}
	for _, st := range stages {
		fmt.Printf("• %s\n", st.what)
		if st.do != nil {
			if err := st.do(ctx); err != nil {
				return fmt.Errorf("%s: %w", st.what, err)
			}
		}
		for _, name := range workloads {
			if name == "api" && s.leaves {
				continue // What pods use cannot be said where kubelets are real.
			}
			if want, ok := st.want[name]; ok {
				if err := s.reaches(ctx, name, want); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *stack) rise(ctx context.Context) error {
	return errors.Join(s.load(ctx, "up"), s.queue.produce(ctx, 50), s.use(ctx, busy))
}

func (s *stack) fall(ctx context.Context) error {
	return errors.Join(s.load(ctx, "down"), s.queue.consume(ctx, 50), s.use(ctx, idle))
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
		fmt.Printf("  ✓ %s has %d ready replicas (%.1fs)\n", name, n, time.Since(began).Seconds())
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
