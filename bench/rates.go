package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// kneeP99 is the p99 of the reaction, in milliseconds, above which a rate is too high.
const kneeP99 = 500

// reactions measures reactions at 20 webhooks a second and at rising rates, storms, floods, polls and the memory. With -only storm, flood or
// polls it measures only that part.
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
	l := &load{env: w, watcher: v, alerts: make([]alert, o.objects), rand: rand.New(rand.NewPCG(1, 2))}
	if _, err := measure(ctx, l, 200, 50); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	switch o.only {
	case "reaction":
		return rises(ctx, l, o)
	case "storm":
		return storms(ctx, l, o)
	case "flood":
		return floods(ctx, l, o)
	case "polls":
		return polls(ctx, w, o)
	}
	return everything(ctx, l, o)
}

// rises measures the reactions at a calm rate and at rising ones.
func rises(ctx context.Context, l *load, o options) ([]result, error) {
	calm, err := measure(ctx, l, o.webhooks, 20)
	if err != nil {
		return nil, err
	}
	size := fmt.Sprintf("alertmanager/%d", o.objects)
	results := []result{
		compare("reaction/"+size, calm.reaction, calm.patch),
		compare("accept/"+size, calm.accept, calm.status),
	}
	return append(results, steps(ctx, l, o)...), nil
}

// everything measures the parts of reactions, one after the other.
func everything(ctx context.Context, l *load, o options) ([]result, error) {
	results, err := rises(ctx, l, o)
	if err != nil {
		return nil, err
	}
	more, err := storms(ctx, l, o)
	if err != nil {
		return nil, err
	}
	flooded, err := floods(ctx, l, o)
	if err != nil {
		return nil, err
	}
	late, err := polls(ctx, l.env, o)
	if err != nil {
		return nil, err
	}
	peak, err := memory(ctx, l.env)
	return slices.Concat(results, more, flooded, late, peak), err
}

// storms measures the receiver: under many alerts, few of which are changes, and alone.
func storms(ctx context.Context, l *load, o options) ([]result, error) {
	e, err := startBareServer(ctx, l.env)
	if err != nil {
		return nil, err
	}
	for i := range l.alerts { // An alert that has never fired is posted as resolved, and needs a startsAt.
		if l.alerts[i].began.IsZero() {
			l.alerts[i].began = time.Now().UTC()
		}
	}
	results, err := storm(ctx, l, e, o)
	if err != nil {
		return nil, err
	}
	alone, err := cpuPerAlert(ctx, l, e, o)
	return append(results, alone), err
}

// steps raises the rate until reactions are slower than kneeP99. The knee is the last rate before that; a rate that fails is
// too high.
func steps(ctx context.Context, l *load, o options) []result {
	var all []result
	for _, rate := range []int{40, 60, 80, 100, 150, 200, 300, 400, 600, 800} {
		n := min(o.webhooks, 5*rate)
		if rate == 100 {
			n = o.webhooks
		}
		s, err := measure(ctx, l, n, rate)
		if err != nil {
			fmt.Printf("  %d a second is too much here: %v\n", rate, err)
			break
		}
		r := compare(fmt.Sprintf("reaction/alertmanager/%d/%d-per-second", o.objects, rate), s.reaction, s.patch)
		all = append(all, r)
		if r.P99 > kneeP99 {
			fmt.Printf("  %d a second is too much here: p99 is %.0f ms\n", rate, r.P99)
			break
		}
		fmt.Printf("  the knee is at %d a second or above\n", rate)
	}
	return all
}

// measure runs one rate and prints it.
func measure(ctx context.Context, l *load, n, rate int) (*series, error) {
	fmt.Printf("• %d webhooks at %d a second, and two bare writes after each\n", n, rate)
	began := time.Now()
	s := &series{}
	if err := l.run(ctx, s, n, rate, l.bareWrites); err != nil {
		return nil, fmt.Errorf("%d webhooks at %d a second: %w", n, rate, err)
	}
	fmt.Printf("  %.0fs: reaction p50 %.1f ms p99 %.1f ms, reference p50 %.1f ms p99 %.1f ms\n", time.Since(began).Seconds(),
		quantile(s.reaction, 50), quantile(s.reaction, 99), quantile(s.patch, 50), quantile(s.patch, 99))
	return s, nil
}
