package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/kube/writes"
)

func TestRestorer(t *testing.T) {
	t.Run("a restore is retried until the count is written or an obstacle ends it", testRestoreIsRetriedUntilCountIsWrittenOrObstacleEndsIt)
	t.Run("a restorer finishes its write", testRestorerFinishesItsWrite)
	t.Run("a target that something else scales by its turn is left alone", testTargetThatSomethingElseScalesByItsTurnIsLeftAlone)
	t.Run("it waits for its turn, and no longer when it is cancelled", testRestorerWaitsForItsTurn)
}

// scriptedTarget answers each write with the next of its errors, and records the time of each write.
type scriptedTarget struct {
	*targets

	answers []error
	writes  []time.Duration
	began   time.Time
}

func (s *scriptedTarget) Set(ctx context.Context, t actuator.Target, observed actuator.Scale, n int32) (actuator.Scale, error) {
	s.writes = append(s.writes, time.Since(s.began))
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		return actuator.Scale{}, err
	}
	return s.targets.Set(ctx, t, observed, n)
}

func testRestoreIsRetriedUntilCountIsWrittenOrObstacleEndsIt(t *testing.T) {
	for name, c := range map[string]struct {
		original int32
		answers  []error
		writes   []time.Duration
		obstacle string
		reports  int
	}{
		"a failed write is tried again after a pause, whatever is observed meanwhile": {
			original: 4, answers: []error{actuator.ErrThrottled, actuator.ErrThrottled}, writes: []time.Duration{0, time.Second, 3 * time.Second}, reports: 2,
		},
		"a raise is tried again sooner": {
			original: 9, answers: []error{actuator.ErrThrottled, actuator.ErrThrottled}, writes: []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond}, reports: 2,
		},
		"a conflict is tried again with the next observation, and not reported": {
			original: 4, answers: []error{actuator.ErrConflict}, writes: []time.Duration{0, 100 * time.Millisecond},
		},
		"a target that is gone is left alone": {
			original: 4, answers: []error{actuator.ErrNotFound}, writes: []time.Duration{0}, obstacle: "it is gone: target not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := &scriptedTarget{targets: &targets{of: map[string]*target{}}, answers: c.answers, began: time.Now()}
				all.at("web").replicas = 7
				reports := 0
				r := &restorer{
					actuator: all, mayWrite: func() bool { return true }, leading: leading, target: actuator.Target{Name: "web"}, original: c.original,
					latest: make(chan actuator.Observation, 1), report: func(error) { reports++ },
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan string)
				go func() { ended <- r.run(ctx) }()
				synctest.Wait()
				<-time.After(100 * time.Millisecond)
				all.notify("web", actuator.Observation{})
				if got := <-ended; got != c.obstacle {
					t.Errorf("after %v: obstacle %q, want %q", c.answers, got, c.obstacle)
				}
				if !slices.Equal(all.writes, c.writes) || reports != c.reports {
					t.Fatalf("after %v: writes at %v and %d reports, want %v and %d", c.answers, all.writes, reports, c.writes, c.reports)
				}
				if got := all.at("web").replicas; c.obstacle == "" && got != c.original {
					t.Errorf("%d replicas, want %d", got, c.original)
				}
			})
		})
	}
}

func testRestorerFinishesItsWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &targets{of: map[string]*target{}, takes: time.Second}
		all.at("web").replicas = 7
		r := &restorer{
			actuator: all, mayWrite: func() bool { return true }, leading: leading, target: actuator.Target{Name: "web"}, original: 4,
			latest: make(chan actuator.Observation, 1), report: func(error) {},
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errors.New("another object scales it"))
		defer cancel()
		if got := r.run(ctx); got != "" {
			t.Errorf("obstacle %q, want none", got)
		}
		if got := all.at("web").replicas; got != 4 {
			t.Errorf("%d replicas after the write that was under way, want 4", got)
		}
	})
}

// takenTurns returns turns of which other writes have more than may be in flight, and a function that ends these.
func takenTurns() (turns *writes.Turns, end func()) {
	turns = writes.NewTurns()
	var others []*writes.Turn
	for i := range 1000 {
		others = append(others, turns.Join(fmt.Sprint("other-", i), 1, nil))
	}
	return turns, func() {
		for _, turn := range others {
			turn.End(nil)
		}
	}
}

// queuedRestorer returns a restorer of a target with 7 replicas, which had 4 and whose writes take turns. It must report no error.
func queuedRestorer(t *testing.T, turns *writes.Turns) (*restorer, *scriptedTarget) {
	t.Helper()
	all := &scriptedTarget{targets: &targets{of: map[string]*target{}}, began: time.Now()}
	all.at("web").replicas = 7
	return &restorer{
		actuator: all, mayWrite: func() bool { return true }, leading: leading, target: actuator.Target{Namespace: "shop", Name: "web"}, original: 4,
		turns: turns, latest: make(chan actuator.Observation, 1), report: func(err error) { t.Error(err) },
	}, all
}

func testTargetThatSomethingElseScalesByItsTurnIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, end := takenTurns()
		r, all := queuedRestorer(t, turns)
		ended := make(chan string)
		go func() { ended <- r.run(t.Context()) }()
		synctest.Wait()
		r.observe(actuator.Observation{Scale: actuator.Scale{Replicas: 7}, ForeignHPA: "web"})
		end()
		if got, want := <-ended, "HorizontalPodAutoscaler web scales it now"; got != want || len(all.writes) > 0 {
			t.Errorf("obstacle %q and writes at %v, want %q and none", got, all.writes, want)
		}
	})
}

func testRestorerWaitsForItsTurn(t *testing.T) {
	for cancelled, obstacle := range map[bool]string{false: "", true: "the restoration was cancelled"} {
		synctest.Test(t, func(t *testing.T) {
			turns, end := takenTurns()
			r, all := queuedRestorer(t, turns)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan string)
			go func() { ended <- r.run(ctx) }()
			<-time.After(time.Minute)
			if cancelled {
				cancel()
				synctest.Wait()
			}
			if len(all.writes) > 0 {
				t.Errorf("got writes at %v although others are in flight", all.writes)
			}
			end()
			if got := <-ended; got != obstacle || cancelled != (len(all.writes) == 0) {
				t.Errorf("cancelled %t: obstacle %q and writes at %v", cancelled, got, all.writes)
			}
			if turn := turns.Join("shop", 1, nil); !turn.Granted() {
				t.Errorf("cancelled %t: the turn is not free", cancelled)
			}
		})
	}
}
