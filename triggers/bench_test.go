package triggers

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// BenchmarkPoll measures what the Poller adds to a reading while ten thousand other groups wait.
func BenchmarkPoll(b *testing.B) {
	p := NewPoller(512, 64)
	ctx, cancel := context.WithCancel(b.Context())
	var polling sync.WaitGroup
	polling.Go(func() { _ = p.Run(ctx) })
	read := make(chan struct{})
	env := Env{Namespace: "shop", PollingInterval: time.Hour, Poller: p}
	stops := make([]func(), 0, 10_001)
	start := func(name string, source Passive) {
		stop, err := source.Start(func(scalers.Event) {})
		if err != nil {
			b.Fatal(name, err)
		}
		stops = append(stops, stop)
	}
	for i := range 10_000 {
		start("waits", Poll(PollKey{Server: "other", Key: strconv.Itoa(i)}, readFunc(three), env))
	}
	var early func()
	env.WatchSecrets = func(changed func()) func() { early = changed; return func() {} }
	key := PollKey{Server: "server", Key: "measured"}
	start("measured", Poll(key, readFunc(func(context.Context) (scalers.Milli, error) { read <- struct{}{}; return 0, nil }), env))
	<-read
	g := p.groups[groupKey{key, time.Hour}]
	b.ReportAllocs()
	for b.Loop() {
		for waits := false; !waits; { // The next reading would otherwise be half a second after the last one.
			p.mu.Lock()
			if waits = g.done == nil; waits {
				g.began = time.Time{}
			}
			p.mu.Unlock()
		}
		early()
		<-read
	}
	for _, stop := range stops {
		go func() {
			select {
			case <-read:
			case <-ctx.Done():
			}
		}()
		stop()
	}
	cancel()
	polling.Wait()
}
