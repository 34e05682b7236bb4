package triggers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestFlow(t *testing.T) {
	t.Run("sources that answer just within their interval delay no other", testSourcesThatAnswerJustWithinTheirIntervalDelayNoOther)
	t.Run("a healthy poll is never late", testHealthyPollIsNeverLate)
	t.Run("some slots are reserved for namespaces that hold few", testSomeSlotsAreReservedForNamespacesThatHoldFew)
	t.Run("a free slot goes to the namespace that holds the fewest", testFreeSlotGoesToNamespaceThatHoldsFewest)
	t.Run("a shared reading counts against the namespace that reads the least", testSharedReadingCountsAgainstNamespaceThatReadsLeast)
	t.Run("the number of concurrent requests to a server is bounded", testNumberOfConcurrentRequestsToServerIsBounded)
	t.Run("a namespace within its share keeps its slots", testNamespaceWithinItsShareKeepsItsSlots)
	t.Run("a reading that lost its slot has that reason", testReadingThatLostItsSlotHasThatReason)
}

// answersAfter is a source that answers after some time.
func answersAfter(after time.Duration) readFunc {
	return func(ctx context.Context) (scalers.Milli, error) {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(after):
			return 3000, nil
		}
	}
}

// runHealthy runs a source that answers at once, and checks each of its readings: whatever others do, a reading comes at most one
// and a half intervals after the one before.
func (b *pollerEnv) runHealthy(namespace string, q PollKey, interval time.Duration) {
	trigger := namespace + "/" + q.Server + "/" + q.Key
	joined := time.Since(b.began)
	b.runAs(Env{Namespace: namespace, Trigger: trigger, PollingInterval: interval}, q, answersAfter(10*time.Millisecond))
	b.t.Cleanup(func() {
		late, last := interval+interval/2, joined
		times := append(b.times(trigger), time.Since(b.began))
		for i, at := range times {
			if at-last > late {
				b.t.Errorf("%s is read every %s: reading %d came %s after the one before", trigger, interval, i, at-last)
			}
			last = at
		}
		if len(times) < 4 {
			b.t.Errorf("%s was read at %v only", trigger, times)
		}
	})
}

func testSourcesThatAnswerJustWithinTheirIntervalDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(512, 64))
		b.runHealthy("noisy", PollKey{"central", "of the same namespace, beside them"}, time.Second)
		synctest.Wait()
		for i := range 1800 {
			env := Env{Namespace: "noisy", Trigger: "slow", PollingInterval: time.Second}
			b.runAs(env, PollKey{"central", strconv.Itoa(i)}, answersAfter(950*time.Millisecond))
		}
		advance(5 * time.Second)
		b.runHealthy("shop", PollKey{"central", "beside them"}, time.Second)
		b.runHealthy("shop", PollKey{"own", "elsewhere"}, time.Second)
		b.runHealthy("noisy", PollKey{"own", "of the same namespace"}, time.Second)
		advance(time.Minute)
	})
}

// testHealthyPollIsNeverLate tries many mixes of what others may do.
func testHealthyPollIsNeverLate(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &mix{pollerEnv: newPollerEnvWith(t, NewPoller(24, 8)), rand: rand.New(rand.NewPCG(seed, 11))}
				m.namespaces, m.servers = 1+m.rand.IntN(6), 1+m.rand.IntN(8)
				for range 50 + m.rand.IntN(250) {
					m.join()
				}
				advance(time.Duration(m.rand.IntN(10_000)) * time.Millisecond)
				for i := range 1 + m.rand.IntN(3) {
					interval := time.Duration(1+m.rand.IntN(10)) * time.Second
					m.runHealthy("shop", PollKey{"own", strconv.Itoa(i)}, interval)
					m.runHealthy("shop", PollKey{m.server(), "own " + strconv.Itoa(i)}, interval)
				}
				for range 60 {
					m.churn()
					advance(time.Duration(m.rand.IntN(2000)) * time.Millisecond)
				}
				advance(30 * time.Second)
			})
		})
	}
}

// mix is a random load: some namespaces that ask some servers.
type mix struct {
	*pollerEnv

	rand                *rand.Rand
	namespaces, servers int
	leave               []func()
}

func (m *mix) server() string { return "server " + strconv.Itoa(m.rand.IntN(m.servers)) }

// join starts a source of a random kind.
func (m *mix) join() {
	interval := time.Second
	if m.rand.IntN(2) == 0 {
		interval = time.Duration(1+m.rand.IntN(30)) * time.Second
	}
	var r readFunc
	switch m.rand.IntN(5) {
	case 0:
		r = hang
	case 1:
		r = answersAfter(interval * 95 / 100)
	case 2:
		r = answersAfter(time.Duration(m.rand.Int64N(int64(interval))))
	case 3: // Fast and slow in turns, so that its last behavior predicts nothing.
		turn := 0
		r = func(ctx context.Context) (scalers.Milli, error) {
			if turn++; turn%2 == 0 {
				return hang(ctx)
			}
			return 0, nil
		}
	default:
		r = func(context.Context) (scalers.Milli, error) { return 0, errors.New("connection refused") }
	}
	env := Env{Namespace: fmt.Sprint("noisy ", m.rand.IntN(m.namespaces)), Trigger: "noise", PollingInterval: interval}
	m.leave = append(m.leave, m.runAs(env, PollKey{m.server(), strconv.Itoa(len(m.leave))}, r))
}

// churn starts some sources and ends others.
func (m *mix) churn() {
	for range m.rand.IntN(8) {
		m.join()
	}
	for range m.rand.IntN(8) {
		m.leave[m.rand.IntN(len(m.leave))]()
	}
}

func testSomeSlotsAreReservedForNamespacesThatHoldFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 16)
		for i := range 40 {
			b.runAs(Env{Namespace: "noisy", Trigger: "slow", PollingInterval: time.Minute}, keyOn(strconv.Itoa(i)), readFunc(hang))
		}
		advance(time.Second)
		for i := range 2 {
			b.runAs(Env{Namespace: "shop", Trigger: "own", PollingInterval: time.Minute}, keyOn("own "+strconv.Itoa(i)), readFunc(three))
		}
		advance(time.Second)
		if times := b.times("own"); !slices.Equal(times, []time.Duration{time.Second, time.Second}) {
			t.Errorf("the source was read at %v, want at once", times)
		}
	})
}

func testFreeSlotGoesToNamespaceThatHoldsFewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 4)
		for i := range 20 {
			takes := time.Duration(1+i%4) * time.Second
			b.runAs(Env{Namespace: "noisy", Trigger: "slow", PollingInterval: time.Minute}, keyOn(strconv.Itoa(i)), answersAfter(takes))
			synctest.Wait() // In this order.
		}
		advance(500 * time.Millisecond)
		b.runAs(Env{Namespace: "shop", Trigger: "prompt", PollingInterval: time.Minute}, keyOn("prompt"), readFunc(three))
		advance(10 * time.Second)
		if times := b.times("prompt"); len(times) != 1 || times[0] != time.Second {
			t.Errorf("the source was read at %v, want after 1s, when the first slot was free", times)
		}
	})
}

func testSharedReadingCountsAgainstNamespaceThatReadsLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(8, 4))
		shared := PollKey{"central", "the same for all"}
		b.runAs(Env{Namespace: "noisy", Trigger: "also", PollingInterval: 2 * time.Second}, shared, answersAfter(time.Millisecond))
		synctest.Wait() // It is the one that reads for all.
		for i := range 100 {
			env := Env{Namespace: "noisy", Trigger: "many", PollingInterval: time.Second}
			b.runAs(env, PollKey{"central", strconv.Itoa(i)}, answersAfter(200*time.Millisecond))
		}
		b.runHealthy("shop", shared, 2*time.Second)
		advance(time.Minute)
	})
}

func testNumberOfConcurrentRequestsToServerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(16, 4))
		var now, most int
		for i := range 40 {
			env := Env{Namespace: "team " + strconv.Itoa(i%3), Trigger: "q", PollingInterval: time.Minute}
			b.runAs(env, keyOn(strconv.Itoa(i)), readFunc(func(ctx context.Context) (scalers.Milli, error) {
				b.mu.Lock()
				now++
				most = max(most, now)
				b.mu.Unlock()
				value, err := answersAfter(100 * time.Millisecond)(ctx)
				b.mu.Lock()
				now--
				b.mu.Unlock()
				return value, err
			}))
		}
		advance(10 * time.Second)
		if most != 4 {
			t.Errorf("%d readings at a time, expected 4", most)
		}
	})
}

func testNamespaceWithinItsShareKeepsItsSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 4)
		for i := range 8 {
			namespace := "team " + strconv.Itoa(i%2)
			b.runAs(Env{Namespace: namespace, Trigger: namespace, PollingInterval: 8 * time.Second}, keyOn(strconv.Itoa(i)), answersAfter(7*time.Second))
		}
		advance(time.Minute) // By then it is known how slow they are.
		b.mu.Lock()
		clear(b.events)
		b.mu.Unlock()
		advance(2 * time.Minute)
		for _, e := range slices.Concat(b.events["team 0"], b.events["team 1"]) {
			if e.Err != nil {
				t.Fatalf("got a reading with %v, want none preempted", e.Err)
			}
		}
	})
}

func testReadingThatLostItsSlotHasThatReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		for i := range 2 {
			b.runAs(Env{Namespace: "noisy", Trigger: "slow", PollingInterval: time.Minute}, keyOn(strconv.Itoa(i)), readFunc(hang))
		}
		advance(time.Second)
		b.runHealthy("shop", keyOn("prompt"), 2*time.Second)
		advance(10 * time.Second)
		e := b.last("slow")
		if e.Err == nil || !strings.Contains(e.Err.Error(), "this namespace has too many readings in progress") || len(b.times("slow")) != 1 {
			t.Errorf("got %+v at %v", e, b.times("slow"))
		}
	})
}
