package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// kneeP99 is the p99 of the reaction, in milliseconds, beyond which a rate counts as too much.
const kneeP99 = 100

// reactions measures at 20 and 100 webhooks a second, and then steps up until the knee is found.
func reactions(ctx context.Context, o options) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := build(ctx, o)
	if err != nil {
		return nil, err
	}
	defer w.close()
	v, err := w.watch(ctx)
	if err != nil {
		return nil, err
	}
	l := &load{world: w, watcher: v, alerts: make([]alert, o.objects), rand: rand.New(rand.NewPCG(1, 2))}
	if _, err := measure(ctx, l, 200, 50); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	calm, err := measure(ctx, l, o.webhooks, 20)
	if err != nil {
		return nil, err
	}
	busy, err := measure(ctx, l, o.webhooks, 100)
	if err != nil {
		return nil, err
	}
	size := fmt.Sprintf("alertmanager/%d", o.objects)
	results := []result{
		compare("reaction/"+size, calm.reaction, calm.patch),
		compare("reaction/"+size+"/100-per-second", busy.reaction, busy.patch),
		compare("accept/"+size, calm.accept, calm.status),
		compare("accept/"+size+"/100-per-second", busy.accept, busy.status),
	}
	knee, err := findKnee(ctx, l, o)
	return append(results, knee...), err
}

// findKnee raises the rate until reactions are no longer prompt, and names the last rate at which they were.
func findKnee(ctx context.Context, l *load, o options) ([]result, error) {
	var last result
	for _, rate := range []int{150, 200, 300, 400, 500, 600, 800, 1000} {
		s, err := measure(ctx, l, min(o.webhooks, 5*rate), rate)
		if err != nil {
			return nil, err
		}
		r := compare(fmt.Sprintf("reaction/alertmanager/%d/knee-%d-per-second", o.objects, rate), s.reaction, s.patch)
		if r.P99 > kneeP99 {
			fmt.Printf("  knee: %d a second is too much (p99 %.0f ms)\n", rate, r.P99)
			break
		}
		last = r
	}
	if last.N == 0 {
		return nil, nil
	}
	return []result{last}, nil
}

// measure runs one rate and says so.
func measure(ctx context.Context, l *load, n, rate int) (*series, error) {
	fmt.Printf("• %d webhooks at %d a second, and as many bare writes between them\n", n, rate)
	began := time.Now()
	s, err := l.run(ctx, n, rate)
	if err != nil {
		return nil, fmt.Errorf("%d webhooks at %d a second: %w", n, rate, err)
	}
	fmt.Printf("  %.0fs: reaction p50 %.1f ms p99 %.1f ms, floor p50 %.1f ms p99 %.1f ms\n", time.Since(began).Seconds(),
		quantile(s.reaction, 50), quantile(s.reaction, 99), quantile(s.patch, 50), quantile(s.patch, 99))
	return s, nil
}
