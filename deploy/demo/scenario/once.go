package scenario

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// followTimeout is how long each Deployment may take to follow; the schedule's window opens within a minute.
const followTimeout = 70 * time.Second

// Once drives load up and down, checks that each Deployment followed, and prints a summary.
func (s *Stack) Once(ctx context.Context) error {
	changes := s.collect(ctx)
	err := s.Drive(ctx)
	summary(changes())
	if err == nil {
		fmt.Println("\nevery Deployment followed")
	}
	return err
}

// Drive drives load up and down, and checks that each Deployment follows: first the one that follows an alert, and then each other one as soon
// as its source is ready.
func (s *Stack) Drive(ctx context.Context) error {
	if err := s.checkAlert(ctx); err != nil {
		return err
	}
	return s.joinAll(ctx, s.check)
}

// checkAlert checks that checkout follows an alert, up and down, which `impulse send alert` sends.
func (s *Stack) checkAlert(ctx context.Context) error {
	printLine("• impulse send alert alertname=HighHitCount: checkout follows")
	if err := s.send(ctx, 5); err != nil {
		return err
	}
	return s.send(ctx, 1, "--resolve")
}

// check drives the load of one part up and down, and waits until its Deployments have followed.
func (s *Stack) check(ctx context.Context, p part) error {
	if err := s.rise(ctx, p); err != nil {
		return err
	}
	return s.fall(ctx, p)
}

// rise drives the load of one part up, and waits until its Deployments have followed.
func (s *Stack) rise(ctx context.Context, p part) error {
	return s.change(ctx, "the load of "+p.what+" rises", p.rise, p.up)
}

// fall drives the load of one part down, and waits until its Deployments have followed.
func (s *Stack) fall(ctx context.Context, p part) error {
	return s.change(ctx, "the load of "+p.what+" falls", p.fall, p.down)
}

// change changes a load, and waits until Deployments have the counts that it asks for.
func (s *Stack) change(ctx context.Context, what string, do func(context.Context) error, want map[string]int64) error {
	if _, usage := want["api"]; usage && s.userCluster {
		return nil // The usage of pods cannot be set where kubelets are real.
	}
	if do != nil {
		if err := do(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if err := s.awaitReplicas(ctx, name, want[name]); err != nil {
			return err
		}
	}
	return nil
}

// Rise drives every load up, and waits until the Deployments have followed. Their counts are the result. The one that follows the schedule goes
// on with it, and is left out.
func (s *Stack) Rise(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, p := range s.parts() {
		if p.rise == nil {
			continue
		}
		if err := s.rise(ctx, p); err != nil {
			return nil, err
		}
		maps.Copy(counts, p.up)
	}
	return counts, nil
}

// Fall drives every load down, without waiting. The counts that the Deployments are to have then are the result.
func (s *Stack) Fall(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, p := range s.parts() {
		if p.fall == nil {
			continue
		}
		if err := p.fall(ctx); err != nil {
			return nil, fmt.Errorf("the load of %s falls: %w", p.what, err)
		}
		maps.Copy(counts, p.down)
	}
	return counts, nil
}

// awaitReplicas waits until a Deployment wants n replicas and has n ready ones.
func (s *Stack) awaitReplicas(ctx context.Context, name string, n int64) error {
	began := time.Now()
	err := s.until(ctx, followTimeout, fmt.Sprintf("%s reaches %d replicas", name, n), func(ctx context.Context) (bool, error) {
		d, err := s.dynamic.Resource(deployments).Namespace(Namespace).Get(ctx, name, metav1.GetOptions{})
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
func (s *Stack) collect(ctx context.Context) func() []scaleLine {
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
