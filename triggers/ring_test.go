package triggers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestRing(t *testing.T) {
	t.Run("whatever fleet comes and goes, each server is read evenly and no reading comes late", testEachServerIsReadEvenly)
	t.Run("every second of an interval has its part of the readings, at a start of ten thousand", testEverySecondHasItsPart)
	t.Run("readings of all servers are due at the same ticks, each with its part of them", testReadingsAreDueAtSameTicks)
	t.Run("a reading that began late does not delay those after it", testLateReadingDoesNotDelayLaterOnes)
}

const (
	// evenPart and evenRest are the bound on the readings of one server in any second, from the second one of each group on: evenPart times
	// their mean, and evenRest for each interval that is in use there. The mean is that of the largest fleet of the last interval.
	evenPart, evenRest = 1.1, 3.0
)

// fleet are sources that come and go, and their readings.
type fleet struct {
	env       *pollerEnv
	random    *rand.Rand
	intervals []time.Duration
	sources   []*fleetSource
	began     int

	mu       sync.Mutex
	readings map[string][]time.Duration // By server, without the first ones.
	counts   map[groupKey][]fleetCount  // By ring: how many sources it had, from when on.
}

type fleetCount struct {
	at time.Duration
	n  int
}

type fleetSource struct {
	key groupKey
	// ended is when the last reading ended, and n their number.
	ended time.Duration
	n     int
	stop  func()
}

func newFleet(t *testing.T, seed uint64) *fleet {
	t.Helper()
	f := &fleet{
		env: newPollerEnvWith(t, NewPoller(1<<20, 1<<20)), random: rand.New(rand.NewPCG(seed, 1)),
		readings: map[string][]time.Duration{}, counts: map[groupKey][]fleetCount{},
	}
	for range 1 + f.random.IntN(3) {
		f.intervals = append(f.intervals, time.Duration(1+f.random.IntN(40))*time.Second)
	}
	return f
}

// join starts a source at a random server with a random interval. Its first readings may take long.
func (f *fleet) join(server string) {
	interval := f.intervals[f.random.IntN(len(f.intervals))]
	f.began++
	s := &fleetSource{key: groupKey{PollKey{server, strconv.Itoa(f.began)}, interval}}
	took := time.Duration(f.random.Int64N(int64(interval)))
	stop, err := Poll(s.key.PollKey, readFunc(func(context.Context) (scalers.Milli, error) {
		if f.record(s, took) {
			<-time.After(took)
		}
		return 0, nil
	}), Env{PollingInterval: interval, Poller: f.env.poller}).Start(f.env.emit)
	if err != nil {
		f.env.t.Error(err)
	}
	s.stop = stop
	f.sources = append(f.sources, s)
	f.count(s.key, 1)
}

// leave stops source i.
func (f *fleet) leave(i int) {
	s := f.sources[i]
	f.sources = slices.Delete(f.sources, i, i+1)
	s.stop()
	f.count(s.key, -1)
}

func (f *fleet) count(k groupKey, change int) {
	k = ringOf(k)
	n := change
	if all := f.counts[k]; len(all) > 0 {
		n += all[len(all)-1].n
	}
	f.counts[k] = append(f.counts[k], fleetCount{time.Since(f.env.began), n})
}

// record records that a reading begins, and reports whether it is the first one of the source, which takes long.
func (f *fleet) record(s *fleetSource, took time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Since(f.env.began)
	if s.n++; s.n > 1 {
		took = 0
		f.readings[s.key.Server] = append(f.readings[s.key.Server], now)
		if gap := now - s.ended; gap > s.key.interval {
			f.env.t.Errorf("the interval is %s, and a reading came %s after the end of the one before", s.key.interval, gap)
		}
	}
	s.ended = now + took
	return s.n == 1
}

// bound returns how many readings of a server may begin in the second before an instant.
func (f *fleet) bound(server string, at time.Duration) float64 {
	bound := 0.0
	for k, counts := range f.counts {
		if k.Server != server {
			continue
		}
		most := 0
		for i, c := range counts {
			replaced := i+1 < len(counts) && counts[i+1].at < at-time.Second-k.interval
			if c.at <= at && !replaced {
				most = max(most, c.n)
			}
		}
		bound += evenPart*float64(most)*min(1, time.Second.Seconds()/k.interval.Seconds()) + evenRest
	}
	return bound
}

// check compares the readings of every second with the bound.
func (f *fleet) check() {
	for server, all := range f.readings {
		slices.Sort(all)
		worst := ""
		excess, first := 0.0, 0
		for i, at := range all {
			for all[first] <= at-time.Second {
				first++
			}
			if n, bound := float64(i+1-first), f.bound(server, at); n-bound > excess {
				excess, worst = n-bound, fmt.Sprintf("in the second before %s, %s was read %.0f times, want at most %.1f", at, server, n, bound)
			}
		}
		if worst != "" {
			f.env.t.Errorf("%s; intervals %v", worst, f.intervals)
		}
	}
}

// live lets sources come and go in the ways of clusters.
func (f *fleet) live() {
	server := func() string { return "server " + strconv.Itoa(f.random.IntN(2)) }
	for range 6 {
		switch f.random.IntN(5) {
		case 0: // A start.
			for range f.random.IntN(800) {
				f.join(server())
			}
		case 1: // A script creates objects one after the other.
			for range f.random.IntN(200) {
				f.join(server())
				<-time.After(time.Duration(f.random.IntN(300)) * time.Millisecond)
			}
		case 2: // Some go at random.
			for range f.random.IntN(len(f.sources) + 1) {
				f.leave(f.random.IntN(len(f.sources)))
			}
		case 3: // Every second one goes, as with a release of several parts.
			for i := range len(f.sources) / 2 {
				f.leave(i)
			}
		case 4: // All from the beginning go, as with a namespace.
			for range f.random.IntN(len(f.sources) + 1) {
				f.leave(0)
			}
		}
		<-time.After(time.Duration(f.random.IntN(60)) * time.Second)
	}
	for len(f.sources) > 0 {
		f.leave(0)
	}
}

func testEachServerIsReadEvenly(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, seed)
				f.live()
				f.check()
			})
		})
	}
}

// testEverySecondHasItsPart has no goroutines, so that it can have many groups.
func testEverySecondHasItsPart(t *testing.T) {
	const groups, interval, mean = 10_000, 30 * time.Second, 333
	p, began := NewPoller(1, 1), time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)
	var counts [30]int
	for i := range groups {
		g := &group{key: groupKey{PollKey{"server", strconv.Itoa(i)}, interval}}
		p.joinRing(g, began)
		at := g.next(began).Sub(began)
		if at <= 0 || at > interval {
			t.Fatalf("group %d is read after %s, want within %s", i, at, interval)
		}
		counts[(at-1)/time.Second]++
	}
	for second, n := range counts {
		if n < mean-2 || n > mean+3 {
			t.Errorf("second %d has %d readings, want from %d to %d", second, n, mean-2, mean+3)
		}
	}
}

func testReadingsAreDueAtSameTicks(t *testing.T) {
	const perServer, servers, interval = 1000, 3, 5 * time.Second
	const most = perServer*int(tick)/int(interval) + 2
	p := NewPoller(1, 1)
	random, counts := rand.New(rand.NewPCG(1, 2)), map[string]map[time.Duration]int{}
	for i := range perServer * servers {
		server, now := "server "+strconv.Itoa(i%servers), p.began.Add(time.Duration(random.Int64N(int64(time.Hour))))
		g := &group{key: groupKey{PollKey{server, strconv.Itoa(i)}, interval}}
		p.joinRing(g, now)
		after := g.next(now).Sub(now)
		if after <= 0 || after > interval {
			t.Fatalf("group %d is read after %s, want within %s", i, after, interval)
		}
		if counts[server] == nil {
			counts[server] = map[time.Duration]int{}
		}
		counts[server][now.Add(after).Sub(p.began)%interval]++
	}
	for server, instants := range counts {
		for at, n := range instants {
			if at%tick != 0 {
				t.Errorf("%s is read %s after the beginning of a tick, want 0s", server, at%tick)
			}
			if n > most {
				t.Errorf("%s is read %d times at %s, want at most %d times", server, n, at, most)
			}
		}
	}
}

func testLateReadingDoesNotDelayLaterOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(1, 1))
		b.run("first", "a", 10*time.Second, readFunc(func(context.Context) (scalers.Milli, error) {
			<-time.After(1500 * time.Millisecond)
			return 0, nil
		}))
		synctest.Wait()
		b.run("second", "b", 10*time.Second, readFunc(three))
		advance(30 * time.Second)
		got := b.times("second")
		if len(got) < 4 || got[0] != 1500*time.Millisecond {
			t.Fatalf("read at %v, want 1.5s late, and then every 10s", got)
		}
		if begins := got[1]; begins > 10*time.Second || got[2]-begins != 10*time.Second {
			t.Errorf("read at %v, want that the time counts from the start of the source, 0s", got)
		}
	})
}
