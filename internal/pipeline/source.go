package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// shortestRest and longestRest bound how long a source that ended is left alone before it is run again.
const (
	shortestRest = time.Second
	longestRest  = time.Minute
)

// listen runs source i until ctx is done. One that ends before is unknown, and is run again after a while: its siblings
// are not disturbed.
func (p *Pipeline) listen(ctx context.Context, i int) {
	rest := shortestRest
	for {
		err := p.runSource(ctx, i)
		if ctx.Err() != nil {
			return
		}
		p.mail.event(i, scalers.Event{Trigger: p.Workload.Triggers[i].Name, At: p.now(), Err: fmt.Errorf("the trigger stopped: %w", err)})
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

// runSource runs a source once; a panic in it is an error.
func (p *Pipeline) runSource(ctx context.Context, i int) (err error) { //nolint:nonamedreturns // Set by the deferred recover.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	return p.Sources[i].Run(ctx, func(e scalers.Event) { p.mail.event(i, e) })
}

// observe watches the target until ctx is done.
func (p *Pipeline) observe(ctx context.Context) {
	// Watch carries on over every error and reports it as an observation.
	_ = p.Actuator.Watch(ctx, p.Workload.Target, watchOptions(p), p.mail.observe)
}
