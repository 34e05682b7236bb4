package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// A storm has this many alerts per second from this many Alertmanagers, each of which delivers every group of alerts.
	stormRate, copies, group = 1000, 3, 10
	// One in changeEvery groups has an alert that has changed; all others are repeats.
	changeEvery = 3
	// rssBudget is the memory that Impulse may use, in MB.
	rssBudget = 250
)

// storm sends repeats and changes for some time, each group once for every Alertmanager, and the same bodies to a server
// that only decodes them. It returns the times of the responses, the number of writes per change, and the memory.
func storm(ctx context.Context, l *load, e *bareServer, o options) ([]result, error) {
	fmt.Printf("• %d alerts a second for %s, as copies of %d Alertmanagers\n", stormRate, o.duration, copies)
	before, err := l.env.generations(ctx)
	if err != nil {
		return nil, err
	}
	s, bare, changes := &series{}, &series{}, 0
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second * group / stormRate)
	defer tick.Stop()
	end := time.After(o.duration)
	var body []byte
	for k := 0; ; k++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end:
			wg.Wait()
			return l.sum(ctx, s, bare, changes, before)
		case <-tick.C:
		}
		if k%copies == 0 {
			n := k / copies
			if n%changeEvery == 0 && l.toggle(ctx, s, &wg, n) {
				changes++
			}
			body = l.group(n)
		}
		sent := body
		wg.Go(func() { l.timePost(ctx, s, l.env.impulse+"/v1/alertmanager/"+scaledNamespace, sent) })
		wg.Go(func() { l.timePost(ctx, bare, e.url, sent) })
	}
}

// sum is the result of a storm.
func (l *load) sum(ctx context.Context, s, bare *series, changes int, before int64) ([]result, error) {
	if err := errors.Join(s.err, bare.err); err != nil {
		return nil, fmt.Errorf("storm: %w", err)
	}
	after, err := l.env.generations(ctx)
	if err != nil {
		return nil, err
	}
	rss, err := l.env.metric(ctx, "process_resident_memory_bytes")
	if err != nil {
		return nil, err
	}
	fmt.Printf("  %d POSTs, %d changes, %d writes; a change takes %.1f ms (p50), %.1f ms (p99)\n",
		len(s.accept), changes, after-before, quantile(s.reaction, 50), quantile(s.reaction, 99))
	return []result{
		compare(fmt.Sprintf("storm/%d-per-second/accept", stormRate), s.accept, bare.accept),
		single(fmt.Sprintf("storm/%d-per-second/writes-per-change", stormRate), "", changes, float64(after-before)/float64(changes), 1),
		single(fmt.Sprintf("storm/%d-per-second/rss", stormRate), "MB", 1, rss/1e6, rssBudget),
	}, nil
}

// single is a result of one number.
func single(name, unit string, n int, value, reference float64) result {
	return result{Name: name, Unit: unit, N: n, P50: value, P99: value, ReferenceP50: reference, ReferenceP99: reference}.ratios()
}

// toggle toggles one alert of the nth group, and waits for the new count in the background. It returns false when an
// earlier change of that alert is still pending.
func (l *load) toggle(ctx context.Context, s *series, wg *sync.WaitGroup, n int) bool {
	i := (n*group + n/changeEvery%group) % len(l.alerts)
	name := scaledNamespace + "/" + app(i)
	if l.watcher.busy(name) {
		return false
	}
	a := &l.alerts[i]
	a.object, a.firing = i, !a.firing
	replicas := int32(low)
	if a.firing {
		a.began, replicas = time.Now().UTC(), high
	}
	seen, began := l.watcher.expect(name, replicas), time.Now()
	wg.Go(func() { s.awaitCount(ctx, &s.reaction, began, seen, app(i)) })
	return true
}

// group returns the body of the nth group.
func (l *load) group(n int) []byte {
	var all bytes.Buffer
	for k := range group {
		i := (n*group + k) % len(l.alerts)
		l.alerts[i].object = i
		if k > 0 {
			all.WriteByte(',')
		}
		all.Write(l.alerts[i].json())
	}
	return envelope(fmt.Sprint("{}:", n%(len(l.alerts)/group)), "firing", all.Bytes())
}

// timePost posts a body and records the time of the response.
func (l *load) timePost(ctx context.Context, s *series, url string, body []byte) {
	began := time.Now()
	err := l.postTo(ctx, url, body)
	s.add(&s.accept, time.Since(began), err)
}

// cpuPerAlert posts repeats as fast as they are accepted, and returns the cost of an alert in microseconds of one core, compared
// with a server that only decodes.
func cpuPerAlert(ctx context.Context, l *load, e *bareServer, o options) (result, error) {
	fmt.Println("• repeated alerts, as fast as they are accepted")
	const bodies = 10
	var all [bodies][]byte
	for i := range all {
		var big bytes.Buffer
		for k := range 100 {
			if k > 0 {
				big.WriteByte(',')
			}
			i := (i*100 + k) % len(l.alerts)
			l.alerts[i].object = i
			big.Write(l.alerts[i].json())
		}
		all[i] = envelope(fmt.Sprint("all:", i), "firing", big.Bytes())
	}
	ours, err := l.cost(ctx, l.env.impulse+"/v1/alertmanager/"+scaledNamespace, all[:], l.env.cpu, o)
	if err != nil {
		return result{}, err
	}
	bare, err := l.cost(ctx, e.url, all[:], e.cpu, o)
	if err != nil {
		return result{}, err
	}
	r := single("receiver/cpu-per-alert", "µs", int(math.Round(1e6/ours)), ours, bare)
	fmt.Printf("  %.0f alerts a second and core; %.0f when they are only decoded\n", 1e6/ours, 1e6/bare)
	return r, nil
}

// cost posts bodies of a hundred alerts from several clients for some time, and returns the server's CPU microseconds per alert.
func (l *load) cost(ctx context.Context, url string, bodies [][]byte, cpu func(context.Context) (float64, error), o options) (float64, error) {
	before, err := cpu(ctx)
	if err != nil {
		return 0, err
	}
	s := &series{}
	var wg sync.WaitGroup
	until := time.Now().Add(o.duration / 10)
	for c := range 4 {
		wg.Go(func() {
			for i := c; time.Now().Before(until); i++ {
				l.timePost(ctx, s, url, bodies[i%len(bodies)])
			}
		})
	}
	wg.Wait()
	after, err := cpu(ctx)
	if err := errors.Join(err, s.err); err != nil {
		return 0, fmt.Errorf("post repeats: %w", err)
	}
	return (after - before) * 1e6 / float64(100*len(s.accept)), nil
}

// generations returns the sum of metadata.generation of all Deployments that Impulse scales: each write of a count adds one.
func (w *env) generations(ctx context.Context) (int64, error) {
	list, err := w.kube.AppsV1().Deployments(scaledNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("list Deployments: %w", err)
	}
	sum := int64(0)
	for i := range list.Items {
		sum += list.Items[i].Generation
	}
	return sum, nil
}
