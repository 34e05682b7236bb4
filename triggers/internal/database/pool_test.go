package database

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPool(t *testing.T) {
	t.Run("at most four sessions are open", testAtMostFourSessionsAreOpen)
	t.Run("a session is used again while it works and is not old", testSessionIsUsedAgainWhileItWorksAndIsNotOld)
	t.Run("a session that was used just now is not checked unless a query fails", testSessionThatWasUsedJustNowIsNotCheckedUnlessQueryFails)
	t.Run("a session that opens after the reading has ended is used by the next one", testSessionThatOpensAfterReadingHasEndedIsUsedByNextOne)
	t.Run("a server that does not answer ends the attempt after ten seconds", testServerThatDoesNotAnswerEndsAttemptAfterTenSeconds)
	t.Run("it closes while a session is being opened", testItClosesWhileSessionIsBeingOpened)
	t.Run("the server has nine tenths of the time", testServerHasNineTenthsOfTime)
}

// errRefused is the error of a query that a session does not run.
var errRefused = errors.New("refused")

// timedSession is a session whose operations take time.
type timedSession struct {
	took   time.Duration
	broken bool
	refuse bool // It answers every query with an error.
	closed bool
	pings  int
	limit  time.Duration
}

func (s *timedSession) Ping(context.Context) error {
	s.pings++
	if s.broken {
		return errors.New("broken")
	}
	return nil
}

func (s *timedSession) Query(ctx context.Context, query string, limit time.Duration) (string, error) {
	s.limit = limit
	if s.broken || s.refuse {
		return "", errRefused
	}
	select {
	case <-time.After(s.took):
		return query, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *timedSession) Close() error {
	s.closed = true
	return nil
}

// opener opens timed sessions and records them.
type opener struct {
	took time.Duration // How long opening takes.

	mu  sync.Mutex
	all []*timedSession
}

func (o *opener) open(ctx context.Context) (Session, error) {
	select {
	case <-time.After(o.took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &timedSession{took: time.Second}
	o.all = append(o.all, s)
	return s, nil
}

func testAtMostFourSessionsAreOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		p := NewPool(t.Context(), o.open)
		began := time.Now()
		var queries sync.WaitGroup
		for range 10 {
			queries.Go(func() {
				if _, err := p.Query(t.Context(), "q"); err != nil {
					t.Error(err)
				}
			})
		}
		queries.Wait()
		if len(o.all) != MaxSessions || time.Since(began) != 3*time.Second {
			t.Errorf("10 queries of 1s opened %d sessions and took %s, want %d and 3s", len(o.all), time.Since(began), MaxSessions)
		}
		_ = p.Close()
		for i, s := range o.all {
			if !s.closed {
				t.Errorf("session %d is still open", i)
			}
		}
	})
}

func testSessionIsUsedAgainWhileItWorksAndIsNotOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		p := NewPool(t.Context(), o.open)
		defer func() { _ = p.Close() }()
		for _, c := range []struct {
			name   string
			change func()
			want   int
		}{
			{"the first query", func() {}, 1},
			{"the second one", func() {}, 1},
			{"one after the session broke", func() { o.all[0].broken = true }, 2},
			{"one after nine minutes", func() { <-time.After(9 * time.Minute) }, 2},
			{"one after ten minutes", func() { <-time.After(time.Minute) }, 3},
		} {
			c.change()
			if _, err := p.Query(t.Context(), "q"); err != nil || len(o.all) != c.want {
				t.Errorf("after %s: got %d sessions, %v, want %d", c.name, len(o.all), err, c.want)
			}
		}
		if !o.all[0].closed || !o.all[1].closed {
			t.Error("a replaced session is still open")
		}
	})
}

func testSessionThatWasUsedJustNowIsNotCheckedUnlessQueryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		p := NewPool(t.Context(), o.open)
		defer func() { _ = p.Close() }()
		for _, c := range []struct {
			name            string
			change          func()
			sessions, pings int
			want            error
		}{
			{"the first query", func() {}, 1, 0, nil},
			{"one at once", func() {}, 1, 0, nil},
			{"one after a second", func() { <-time.After(time.Second) }, 1, 1, nil},
			{"one that the server refuses", func() { o.all[0].refuse = true }, 1, 2, errRefused},
			{"one on a session that broke", func() { o.all[0].refuse, o.all[0].broken = false, true }, 2, 3, nil},
		} {
			c.change()
			_, err := p.Query(t.Context(), "q")
			if !errors.Is(err, c.want) || len(o.all) != c.sessions || o.all[0].pings != c.pings {
				t.Errorf("%s: got %v, %d sessions, %d pings of the first, want %v, %d, %d", c.name, err, len(o.all), o.all[0].pings, c.want, c.sessions, c.pings)
			}
		}
	})
}

func testSessionThatOpensAfterReadingHasEndedIsUsedByNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{took: 3 * time.Second}
		p := NewPool(t.Context(), o.open)
		defer func() { _ = p.Close() }()
		query := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := p.Query(ctx, "q")
			return err
		}
		if err := query(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first query: got %v, want that it ends before the session is open", err)
		}
		<-time.After(2 * time.Second)
		if err := query(); err != nil || len(o.all) != 1 {
			t.Errorf("the second query: got %v and %d sessions, want the session that has opened meanwhile", err, len(o.all))
		}
	})
}

func testServerThatDoesNotAnswerEndsAttemptAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(t.Context(), (&opener{took: time.Hour}).open)
		defer func() { _ = p.Close() }()
		began := time.Now()
		_, err := p.Query(t.Context(), "q")
		if err == nil || err.Error() != "not connected within 10s" || time.Since(began) != connectTimeout {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

func testItClosesWhileSessionIsBeingOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // The bubble fails if a goroutine is left.
		p := NewPool(t.Context(), (&opener{took: time.Hour}).open)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Query(ctx, "q"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that the query ends with its context", err)
		}
		began := time.Now()
		_ = p.Close()
		if took := time.Since(began); took > 0 {
			t.Errorf("Close took %s", took)
		}
	})
}

func testServerHasNineTenthsOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		p := NewPool(t.Context(), o.open)
		defer func() { _ = p.Close() }()
		for timeout, want := range map[time.Duration]time.Duration{
			10 * time.Second: 9 * time.Second, time.Hour: 54 * time.Minute, 1500 * time.Millisecond: 1350 * time.Millisecond, 0: 27 * time.Second,
		} {
			ctx, cancel := t.Context(), func() {}
			if timeout > 0 {
				ctx, cancel = context.WithTimeout(ctx, timeout)
			}
			if _, err := p.Query(ctx, "q"); err != nil || o.all[0].limit != want {
				t.Errorf("of %s the server has %s, want %s (%v)", timeout, o.all[0].limit, want, err)
			}
			cancel()
		}
	})
}
