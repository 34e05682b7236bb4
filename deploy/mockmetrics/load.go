package main

import (
	"context"
	"sync"
	"time"
)

const (
	// stepEvery and stepBy are the speed of the count, most is its maximum.
	stepEvery = 100 * time.Millisecond
	stepBy    = 10
	most      = 1000
)

// load is a count that rises, falls or rests.
type load struct {
	mu        sync.Mutex
	count     int
	direction int
}

// setDirection sets the direction: 1 up, -1 down, 0 stop.
func (l *load) setDirection(direction int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.direction = direction
}

// value returns the count.
func (l *load) value() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// step moves the count once, within its bounds.
func (l *load) step() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count = min(max(l.count+l.direction*stepBy, 0), most)
}

// run moves the count until ctx is done.
func (l *load) run(ctx context.Context) {
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.step()
		}
	}
}
