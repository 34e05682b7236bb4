package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// shortestRest and longestRest bound how long a source that ended is left alone before it is opened again.
const (
	shortestRest = time.Second
	longestRest  = time.Minute
)

// errEnded is why a source is unknown that returned nothing while it was wanted.
var errEnded = errors.New("it ended by itself")

// listen keeps source i running until ctx is done. One that gives up is unknown until it speaks again: its siblings are
// not disturbed.
func (p *Pipeline) listen(ctx context.Context, i int) {
	if p.options.Workload.Policy.Triggers[i].PerPod && !p.roster.await(ctx) {
		return
	}
	p.persist(ctx, func() error {
		source, err := p.options.Open(i)
		if err != nil {
			return err
		}
		return source.Run(ctx, func(e scalers.Event) { p.mail.event(i, e) })
	}, func(err error) {
		p.mail.event(i, scalers.Event{At: p.now(), Err: fmt.Errorf("the trigger stopped: %w", err)})
	})
}

// observe keeps the target's watch running until ctx is done.
func (p *Pipeline) observe(ctx context.Context) {
	w := p.options.Workload
	o := actuator.WatchOptions{Pods: w.NeedsPods()}
	p.persist(ctx, func() error {
		return p.options.Actuator.Watch(ctx, w.Target, o, func(seen actuator.Observation) {
			p.roster.see(seen)
			p.mail.observation(seen)
		})
	}, func(err error) {
		unknown := actuator.Observation{Ready: -1, Err: err}
		p.roster.see(unknown)
		p.mail.observation(unknown)
	})
}

// persist calls run until ctx is done, tells why it ended, and rests before the next time. The rest doubles while run does
// not hold for longer than the longest one.
func (p *Pipeline) persist(ctx context.Context, run func() error, ended func(error)) {
	rest := shortestRest
	for {
		began := p.now()
		err := safely(run)
		if ctx.Err() != nil {
			return
		}
		ended(err)
		if p.now().Sub(began) > longestRest {
			rest = shortestRest
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		rest = min(2*rest, longestRest)
	}
}

// safely calls run, and makes an error of a panic: a defect in one kind of trigger does not stop the others.
func safely(run func() error) (err error) { //nolint:nonamedreturns // Set by the deferred recover.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	if err := run(); err != nil {
		return err
	}
	return errEnded
}
