package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/bench/source"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// changingInterval is the polling interval of the level that changes, and changes is how often it does. It is 1 or changed.
	changingInterval = time.Second
	changes          = 12
	changed          = 2
	// eventToWrite is Impulse's measurement of the time from the beginning of a reading to the end of the write that it caused.
	eventToWrite = "impulse_event_to_write_seconds"
)

// changing returns the name of the workload whose level changes, and bareTarget that of the one that only bare writes scale.
func (m *measured) changing() string   { return "changing-" + m.slug() }
func (m *measured) bareTarget() string { return "bare-" + m.slug() }

// measureReactions changes one level again and again. It measures the time until the new count is observed, most of which passes before
// the next reading begins, and the time from the beginning of that reading to the end of the write, beside a reading with the library alone
// and a bare write.
func (m *measured) measureReactions(ctx context.Context) error {
	m.bare.Stop()
	if m.source.Set == nil {
		fmt.Printf("  %s: its levels cannot be changed in a short time, so no reaction is measured\n", m.source.Name)
		return nil
	}
	read, err := source.Bare(ctx, m.source.Name, m.source.Address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if _, err := read(ctx, m.triggers); err != nil { // It opens the connections.
		return err
	}
	var all, inside, bare []time.Duration
	for k := range changes {
		from, to := int32(low), int32(changed)
		if k%2 == 1 {
			from, to = to, from
		}
		if err := wait(ctx, m.interval()*time.Duration(k*5%changes)/changes); err != nil { // Changes are spread over the interval.
			return err
		}
		whole, part, err := m.react(ctx, to)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := read(ctx, m.triggers); err != nil {
			return err
		}
		if err := m.scale(ctx, m.bareTarget(), from, to); err != nil {
			return err
		}
		all, inside, bare = append(all, whole), append(inside, part), append(bare, time.Since(began))
	}
	name := "cost/reaction/" + m.source.Name
	m.results = append(m.results, compare(name+"/read-to-write", inside, bare), compare(name+"/change-to-write", all, m.awaited(bare)))
	return nil
}

// awaited adds to each time of a reading and a write the time until the next reading, for changes that are spread evenly over the interval:
// a source that is polled cannot lead to a write sooner.
func (m *measured) awaited(bare []time.Duration) []time.Duration {
	all := make([]time.Duration, len(bare))
	for i, d := range slices.Sorted(slices.Values(bare)) {
		all[i] = d + m.interval()*time.Duration(2*i+1)/time.Duration(2*len(bare))
	}
	return all
}

// interval returns the time between two readings of the level that changes.
func (m *measured) interval() time.Duration {
	if m.source.Interval > 0 {
		return m.source.Interval
	}
	return changingInterval
}

// react changes the level to n and returns the time until the count was observed, and the time from the reading to the write.
func (m *measured) react(ctx context.Context, n int32) (whole, part time.Duration, err error) {
	sum, count, err := m.latencies(ctx)
	if err != nil {
		return 0, 0, err
	}
	seen := m.watcher.expect(costNamespace+"/"+m.changing(), n)
	if err := m.source.Set(ctx, m.triggers, int(n)); err != nil {
		return 0, 0, fmt.Errorf("change a level: %w", err)
	}
	began := time.Now()
	at, err := awaitSeen(ctx, seen, m.changing())
	if err != nil {
		return 0, 0, fmt.Errorf("%w; the end of the log:\n%s", err, m.impulse.LogTail(2<<10))
	}
	var writes float64
	err = process.WaitFor(ctx, 5*time.Second, "the write is counted", func(ctx context.Context) (bool, error) {
		total, n, err := m.latencies(ctx)
		writes = n - count
		part = time.Duration((total - sum) * float64(time.Second))
		return writes > 0, err
	})
	if err == nil && writes > 1 {
		err = fmt.Errorf("%.0f writes for one change", writes)
	}
	return max(at.Sub(began), 0), part, err
}

// latencies returns the sum and the number of the times from a reading to a write.
func (m *measured) latencies(ctx context.Context) (sum, count float64, err error) {
	text, err := m.metrics(ctx, m.url+"/metrics") // Once, because both change together.
	if err != nil {
		return 0, 0, err
	}
	if sum, err = total(text, eventToWrite+"_sum"); err != nil {
		return 0, 0, err
	}
	count, err = total(text, eventToWrite+"_count")
	return sum, count, err
}

// scale writes the count of a Deployment, which must be from.
func (c *costs) scale(ctx context.Context, name string, from, to int32) error {
	patch := fmt.Appendf(nil, `[{"op":"test","path":"/spec/replicas","value":%d},{"op":"replace","path":"/spec/replicas","value":%d}]`, from, to)
	_, err := c.kube.AppsV1().Deployments(costNamespace).Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}, "scale")
	if err != nil {
		return fmt.Errorf("patch the scale of %s: %w", name, err)
	}
	return nil
}

// awaitSeen returns when an awaited count was observed.
func awaitSeen(ctx context.Context, seen <-chan time.Time, name string) (time.Time, error) {
	limit := time.NewTimer(changeTimeout)
	defer limit.Stop()
	select {
	case at := <-seen:
		return at, nil
	case <-limit.C:
		return time.Time{}, fmt.Errorf("%s did not change within %s", name, changeTimeout)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// sum returns the sum of a metric over all labels, or over those that contain with.
func (w *env) sum(ctx context.Context, url, name string, with ...string) (float64, error) {
	text, err := w.metrics(ctx, url+"/metrics")
	if err != nil {
		return 0, err
	}
	return total(text, name, with...)
}

// total is sum for the text of all metrics.
func total(text, name string, with ...string) (float64, error) {
	sum := 0.0
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' || len(with) > 0 && !strings.Contains(rest, with[0]) {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("read the metric %q: %w", line, err)
		}
		sum += value
	}
	return sum, nil
}
