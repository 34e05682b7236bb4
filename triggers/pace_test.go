package triggers

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPace(t *testing.T) {
	t.Run("ten thousand first readings begin with few and end within ten seconds", testTenThousandFirstReadingsBeginWithFew)
	t.Run("a server whose answers become slower with each reading gets no more", testServerThatBecomesSlowerGetsNoMore)
	t.Run("first readings that hang halve the limit, and those of another namespace come soon", testFirstReadingsThatHangHalveLimit)
	t.Run("pending objects are read first, then the newest", testPendingObjectsAreReadFirstThenNewest)
	t.Run("no head start is longer than fifteen seconds", testNoHeadStartIsLonger)
}

// load is a server that counts the readings in progress.
type load struct {
	took func(now int64) time.Duration

	mu sync.Mutex
	// now is the number of readings in progress, most its maximum, first that maximum at the first answer, and all the number of readings.
	now, most, first, all int64
}

// Read takes as long as took determines.
func (l *load) Read(context.Context) (scalers.Milli, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now++
	l.all++
	l.most = max(l.most, l.now)
	took := l.took(l.now)
	l.mu.Unlock()
	<-time.After(took)
	l.mu.Lock()
	l.now--
	l.first = cmp.Or(l.first, l.most)
	return 0, nil
}

// start starts as many sources on one server, each in one of ten namespaces.
func (l *load) start(b *pollerEnv, sources int) {
	for i := range sources {
		b.runAs(Env{Namespace: strconv.Itoa(i % 10), Trigger: "q", PollingInterval: time.Hour}, keyOn(strconv.Itoa(i)), l)
	}
}

func testTenThousandFirstReadingsBeginWithFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sources = 10_000
		b := newPollerEnvWith(t, NewPoller(512, 64))
		l := &load{took: func(int64) time.Duration { return 20 * time.Millisecond }}
		l.start(b, sources)
		advance(10 * time.Second)
		if l.first > firstReadings {
			t.Errorf("%d readings were in progress before the first answer, want at most %d", l.first, firstReadings)
		}
		if l.all < sources || l.most > 64 {
			t.Errorf("%d readings in 10s, %d at a time; want all %d, and at most 64 at a time", l.all, l.most, sources)
		}
	})
}

func testServerThatBecomesSlowerGetsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(512, 64))
		l := &load{took: func(now int64) time.Duration { return time.Duration(now) * 5 * time.Millisecond }}
		l.start(b, 500)
		advance(10 * time.Second)
		if l.most > 16 {
			t.Errorf("%d readings were in progress at a time, want at most 16", l.most)
		}
		if l.all < 500 {
			t.Errorf("got %d readings in 10s, want all 500", l.all)
		}
	})
}

func testFirstReadingsThatHangHalveLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(512, 64))
		for i := range 200 {
			b.runAs(Env{Namespace: "noisy", Trigger: "slow", PollingInterval: time.Minute}, keyOn(strconv.Itoa(i)), readFunc(hang))
		}
		advance(500 * time.Millisecond)
		b.runAs(Env{Namespace: "shop", Trigger: "own", PollingInterval: time.Minute}, keyOn("own"), readFunc(three))
		synctest.Wait()
		if got := b.times("own"); !slices.Equal(got, []time.Duration{500 * time.Millisecond}) {
			t.Errorf("the source of another namespace was read at %v, want at once, 0.5s after the start", got)
		}
		advance(time.Second)
		b.poller.mu.Lock()
		defer b.poller.mu.Unlock()
		if got := b.poller.shares[flowKey{server: "server"}.shareKey(scopeServer)].pace.limit; got != firstReadings/2 {
			t.Errorf("got the limit %d after 1.5s, want %d", got, firstReadings/2)
		}
	})
}

func testPendingObjectsAreReadFirstThenNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(1, 1))
		var order []string
		source := func(name string, age time.Duration, pending bool) {
			env := Env{Namespace: "shop", Trigger: name, PollingInterval: time.Hour, Created: b.began.Add(-age), Pending: pending}
			b.runAs(env, keyOn(name), readFunc(func(context.Context) (scalers.Milli, error) {
				order = append(order, name)
				<-time.After(time.Millisecond)
				return 0, nil
			}))
		}
		source("in progress", time.Hour, false)
		synctest.Wait()
		source("old", 1000*time.Hour, false)
		source("older, pending", 2000*time.Hour, true)
		source("new", time.Minute, false)
		source("newest", time.Second, false)
		source("of yesterday, pending", 24*time.Hour, true)
		advance(time.Second)
		want := []string{"in progress", "of yesterday, pending", "older, pending", "newest", "new", "old"}
		if !slices.Equal(order, want) {
			t.Errorf("read in the order %q, want %q", order, want)
		}
	})
}

func testNoHeadStartIsLonger(t *testing.T) {
	now := time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)
	for _, e := range []Env{{}, {Pending: true}, {Pending: true, Created: now}, {Pending: true, Created: now.Add(time.Hour)}, {Created: now.AddDate(-10, 0, 0)}} {
		if got := headStart(&e, now); got < 0 || got > 15*time.Second {
			t.Errorf("%+v: got the head start %s, want from 0s to 15s", e, got)
		}
	}
}
