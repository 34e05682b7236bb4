package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// rateObjects is the number of objects of the alerts, or quickRateObjects with -quick, and rateTime how long they arrive.
	rateObjects, quickRateObjects = 1000, 300
	rateTime                      = 20 * time.Second
)

// pressure measures webhooks at a rate per second: the answers that are not 2xx, the changes that take longer than changeTimeout, and the time until the count was observed and until the
// answer. The reference is one bare write of a scale after each webhook, observed with the same watch.
func pressure(ctx context.Context, p *plane, rate int, all []impulseBuild, o options) ([]result, error) {
	o.objects = rateObjects
	if o.quick {
		o.objects = quickRateObjects
	}
	if err := p.fill(ctx, o); err != nil {
		return nil, err
	}
	v, err := p.watch(ctx)
	if err != nil {
		return nil, err
	}
	l := &load{env: p.env, watcher: v, alerts: make([]alert, o.objects), rand: rand.New(rand.NewPCG(1, 2)), repeats: true}
	return inTurn(all, func(b impulseBuild) ([]result, error) {
		s, err := p.launch(ctx, b, scaledNamespace, o)
		if err != nil {
			return nil, err
		}
		defer s.Stop()
		if err := p.awaitDesired(ctx, s, o.objects); err != nil {
			return nil, err
		}
		l.env.impulse = s.url
		results, err := l.press(ctx, b, rate)
		if err != nil {
			return nil, fmt.Errorf("%w; the end of the log:\n%s", err, s.LogTail(4<<10))
		}
		return results, nil
	})
}

// press measures one build.
func (l *load) press(ctx context.Context, b impulseBuild, rate int) ([]result, error) {
	bare := func(ctx context.Context, s *series, turn int) { l.bareScale(ctx, s, turn) }
	if err := l.run(ctx, &series{countLate: true}, rate, rate/5, bare); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	l.refused.Store(0)
	n := rate * int(rateTime/time.Second)
	s := &series{countLate: true}
	if err := l.run(ctx, s, n, rate, bare); err != nil {
		return nil, err
	}
	fmt.Printf("  %s: %d of %d webhooks at %d a second were not answered with 2xx, and %d changes took longer than %s\n", b.name, l.refused.Load(), n, rate, s.late, changeTimeout)
	name := fmt.Sprintf("rate/%d", rate)
	return []result{
		single(name+"/refused", "", n, float64(l.refused.Load()), 0),
		single(name+"/late", "", n, float64(s.late), 0),
		compare(name+"/reaction", s.reaction, s.patch),
		compare(name+"/accept", s.accept, s.patch),
	}, nil
}
