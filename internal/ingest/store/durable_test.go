package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestDurable(t *testing.T) {
	t.Run("a repeat of a durable record waits for no write", testRepeatOfDurableRecordWaitsForNoWrite)
	t.Run("a repeat is answered although changes arrive faster than writes", testRepeatIsAnsweredAlthoughChangesArriveFasterThanWrites)
	t.Run("a record that was edited is durable once it is written again", testRecordThatWasEditedIsDurableOnceItIsWrittenAgain)
	t.Run("waiters at shutdown get the result of the last write", testWaitersAtShutdownGetResultOfLastWrite)
	t.Run("after ten minutes without writes only the newest state is written", testAfterTenMinutesWithoutWritesOnlyNewestStateIsWritten)
	t.Run("a delivery without room leaves nothing behind", testDeliveryWithoutRoomLeavesNothingBehind)
}

// neighbours returns two alerts that share a shard once they were delivered together, and the second one with other annotations.
func neighbours(began time.Time) (one, other, changed Alert) {
	changed = firing("b", began)
	changed.Annotations = map[string]string{"value": "1"}
	return firing("a", began), firing("b", began), changed
}

// deliverAsync delivers alerts in the background, and returns a channel that receives the result.
func deliverAsync(t *testing.T, s *Store, alerts ...Alert) chan error {
	t.Helper()
	answered := make(chan error, 1)
	go func() {
		_, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: alerts, At: time.Now()})
		answered <- err
	}()
	synctest.Wait()
	return answered
}

// expectAnswered fails the test unless there is a result, or, if want is false, none yet.
func expectAnswered(t *testing.T, answered chan error, want bool) {
	t.Helper()
	synctest.Wait()
	if got := len(answered) == 1; got != want {
		t.Errorf("answered: %v, want %v", got, want)
	}
}

func testRepeatOfDurableRecordWaitsForNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		known, other, news := neighbours(time.Now())
		send(t, s, known, other)
		m.hold = make(chan struct{})
		waiting := deliverAsync(t, s, news)
		expectAnswered(t, waiting, false)
		expectAnswered(t, deliverAsync(t, s, known), true)
		expectAnswered(t, deliverAsync(t, s, news), false)
		changed := known
		changed.Annotations = map[string]string{"value": "7"}
		again := deliverAsync(t, s, changed)
		expectAnswered(t, again, false)
		m.hold <- struct{}{} // The write in flight does not contain the later changes.
		expectAnswered(t, waiting, true)
		expectAnswered(t, again, false)
		close(m.hold)
		expectAnswered(t, again, true)
	})
}

// Writes may take longer than senders wait. A repeat is answered once the alert is durable, however many other changes there are.
func testRepeatIsAnsweredAlthoughChangesArriveFasterThanWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		s := run(t, m)
		known, a, _ := neighbours(time.Now())
		deliverAsync(t, s, known, a)
		for i := range 10 {
			a.Annotations = map[string]string{"value": strconv.Itoa(i)}
			deliverAsync(t, s, a)
			m.hold <- struct{}{}
			synctest.Wait()
			a.Annotations = map[string]string{"value": "and " + strconv.Itoa(i)}
			deliverAsync(t, s, a)
			expectAnswered(t, deliverAsync(t, s, known), true)
		}
		close(m.hold)
	})
}

// changedElsewhere is a persister whose shards another process changes.
type changedElsewhere struct {
	*memory

	vanished []int
	err      error
}

// Check is Persister's.
func (p *changedElsewhere) Check(context.Context) ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := p.vanished
	p.vanished = nil
	return gone, nil
}

// Save is Persister's.
func (p *changedElsewhere) Save(ctx context.Context, i int, content Shard) error {
	return errors.Join(p.err, p.memory.Save(ctx, i, content))
}

func testRecordThatWasEditedIsDurableOnceItIsWrittenAgain(t *testing.T) {
	for name, touch := range map[string]func(*testing.T, *changedElsewhere, *Store){
		"it vanished": func(_ *testing.T, p *changedElsewhere, _ *Store) {
			p.mu.Lock()
			for i := range p.shards {
				p.vanished = append(p.vanished, i)
			}
			p.hold = make(chan struct{})
			p.mu.Unlock()
			<-time.After(checkEvery)
			synctest.Wait()
		},
		"somebody else wrote it": func(t *testing.T, p *changedElsewhere, s *Store) {
			_, _, news := neighbours(time.Now())
			p.err = ErrConflict
			expectAnswered(t, deliverAsync(t, s, news), true) // With the error.
			p.err, p.hold = nil, make(chan struct{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &changedElsewhere{memory: &memory{}}
				s := run(t, p)
				known, other, _ := neighbours(time.Now())
				send(t, s, known, other)
				expectAnswered(t, deliverAsync(t, s, known), true)
				touch(t, p, s)
				waiting := deliverAsync(t, s, known)
				expectAnswered(t, waiting, false)
				close(p.hold)
				expectAnswered(t, waiting, true)
			})
		})
	}
}

func testWaitersAtShutdownGetResultOfLastWrite(t *testing.T) {
	for _, fails := range []error{nil, errors.New("the API server is away")} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{hold: make(chan struct{})}
			s, stop := begin(t, m)
			known, other, news := neighbours(time.Now())
			first := deliverAsync(t, s, known, other)
			second := deliverAsync(t, s, news) // It is part of the write after the one in flight.
			m.fail(fails)
			done := make(chan struct{})
			go func() { stop(); close(done) }()
			expectAnswered(t, second, false)
			close(m.hold)
			<-done
			for _, answered := range []chan error{first, second} {
				if err := <-answered; (err == nil) != (fails == nil) {
					t.Errorf("a waiting delivery was answered with %v, want the result of the write, %v", err, fails)
				}
			}
			if _, err := s.Record(t.Context(), Delivery{Endpoint: shop, At: time.Now()}); !errors.Is(err, ErrNotReady) {
				t.Errorf("after the end the answer is %v", err)
			}
		})
	}
}

func testAfterTenMinutesWithoutWritesOnlyNewestStateIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		began := time.Now()
		m.fail(errors.New("the API server is away"))
		var newest string
		for i := range 600 {
			newest = strconv.Itoa(i)
			a := firing("a", began)
			a.Annotations = map[string]string{"value": newest}
			if err := <-deliverAsync(t, s, a); err == nil {
				t.Fatal("a delivery that is not durable was answered with nil, want an error")
			}
			<-time.After(time.Second)
		}
		synctest.Wait()
		for i := range s.writer.shards {
			if n := len(s.writer.shards[i].waiters); n > 0 {
				t.Errorf("%d answered deliveries still wait, want 0", n)
			}
		}
		m.fail(nil)
		before := m.writes()
		<-time.After(longestRetry)
		synctest.Wait()
		if n := m.writes() - before; n != 1 {
			t.Errorf("%d writes once the API server is back, want 1", n)
		}
		var kept []string
		for _, shard := range m.copy().shards {
			for _, a := range shard.Alerts {
				kept = append(kept, a.Annotations["value"])
			}
		}
		if len(kept) != 1 || kept[0] != newest {
			t.Errorf("written are %v, want the newest, %s", kept, newest)
		}
	})
}

func testDeliveryWithoutRoomLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "a0")
		flood := make([]Alert, 100_000)
		for i := range flood {
			flood[i] = firing(fmt.Sprint("a", i), time.Now())
		}
		if err := <-deliverAsync(t, s, flood...); !errors.Is(err, ErrFull) {
			t.Errorf("answered %v", err)
		}
		w.expect(t, "0")
		if len(s.index.records) != 0 || m.writes() != 0 {
			t.Errorf("%d alerts are stored after a refused delivery, and %d writes; want 0", len(s.index.records), m.writes())
		}
	})
}
