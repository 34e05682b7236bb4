package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/bench/source"
)

const (
	// The readings of one round begin within 1/bareSpread of the interval. Impulse spreads them over the whole interval.
	bareSpread = 4
	// bareTimeout is the maximum duration of a reading, and bareSlots the maximum number of readings at a time.
	bareTimeout = 10 * time.Second
	bareSlots   = 16
)

// readBare reads the levels of a source with its client library at an interval, each reading in a goroutine of its own, as Impulse does. It
// decides nothing. It ends with the first reading that fails, or when ctx is done.
func readBare(ctx context.Context, o options) error {
	read, err := source.Bare(ctx, o.bare, o.bareAddress)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, bareSlots)
	began, timer := time.Now(), time.NewTimer(0)
	defer timer.Stop()
	for round := 0; ; round++ {
		for i := range o.objects {
			due := began.Add(time.Duration(round)*o.bareInterval + o.bareInterval/bareSpread*time.Duration(i)/time.Duration(o.objects))
			timer.Reset(time.Until(due))
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-timer.C:
			}
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				limited, cancel := context.WithTimeout(ctx, bareTimeout)
				defer cancel()
				level, err := read(limited, i)
				if err == nil && level <= 0 {
					err = fmt.Errorf("it is %g", level)
				}
				if err != nil {
					stop(fmt.Errorf("read level %d: %w", i, err))
				}
			})
		}
	}
}

// serveBare runs readBare and reports its error.
func serveBare(ctx context.Context, o options) int {
	if err := readBare(ctx, o); ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
