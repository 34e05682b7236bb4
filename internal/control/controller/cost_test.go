package controller

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// costObjects is how many objects the cost of one is measured with.
	costObjects = 2000
	// budgetBytes is what an object may cost beyond its API object, in heap.
	budgetBytes = 10 << 10
	// budgetEach is how many goroutines and timers an object may have.
	budgetEach = 0.05
)

// TestCost counts goroutines, timers and bytes of the process, so it does not run in parallel with other tests.
func TestCost(t *testing.T) {
	t.Run("an object at rest has no goroutine and no timer, and few bytes", testObjectAtRestHasNoGoroutine)
}

func testObjectAtRestHasNoGoroutine(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // Each allocation has a stack then, which tells timers.
	objects := make([]*v1alpha1.ScaledObject, costObjects)
	for i := range objects {
		objects[i] = object(fmt.Sprintf("app-%05d", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	saved := &savedCounter{}
	reporter := status.New(saved, status.Silent{}, status.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	var reporting sync.WaitGroup
	reporting.Go(func() { reporter.Run(ctx) })
	c := New(Options{
		Kinds: []triggers.Kind{stillKind()}, Settings: compile.DefaultSettings(), Actuator: stillActuator{}, Reporter: reporter,
		Env:      triggers.Env{Now: autoscaler.NewClock(), Queue: workqueue.New(4)},
		MayWrite: func() bool { return true }, Leading: leading,
	}, nil)
	goroutines, bytes := runtime.NumGoroutine(), heap()
	c.Sync(ctx, objects)
	testkit.Eventually(t, "all objects have a status", func(context.Context) bool { return saved.n.Load() >= costObjects })
	testkit.Eventually(t, "goroutines that write statuses have ended", func(context.Context) bool {
		return float64(runtime.NumGoroutine()-goroutines) <= budgetEach*costObjects
	})
	if n := float64(timers()); n > budgetEach*costObjects {
		t.Errorf("%d objects have %v timers, want at most %v for each", costObjects, n, budgetEach)
	}
	each := (heap() - bytes) / costObjects
	t.Logf("an object has %d bytes", each)
	if each > budgetBytes {
		t.Errorf("an object has %d bytes, want at most %d", each, budgetBytes)
	}
	cancel()
	if n := len(c.Wait()); n != costObjects {
		t.Errorf("%d objects have a handover, want %d", n, costObjects)
	}
	reporting.Wait()
	runtime.KeepAlive(objects)
}

// heap returns the bytes of all objects that can be reached.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// timers returns how many timers can be reached that were made while every allocation had a stack.
func timers() int64 {
	runtime.GC()
	runtime.GC() // A profile shows what the last but one collection has left.
	records := make([]runtime.MemProfileRecord, 100_000)
	n, _ := runtime.MemProfile(records, true)
	total := int64(0)
	for _, r := range records[:min(n, len(records))] {
		frames := runtime.CallersFrames(r.Stack())
		for {
			frame, more := frames.Next()
			if strings.HasPrefix(frame.Function, "time.NewTimer") || strings.HasPrefix(frame.Function, "time.AfterFunc") || strings.HasPrefix(frame.Function, "time.NewTicker") {
				total += r.InUseObjects()
				break
			}
			if !more {
				break
			}
		}
	}
	return total
}

// savedCounter is a status.Store that counts.
type savedCounter struct{ n atomic.Int64 }

func (s *savedCounter) Save(context.Context, status.Object, *v1alpha1.ScaledObjectStatus) error {
	s.n.Add(1)
	return nil
}

// stillKind is the kind fake with a level that stays 1.
func stillKind() triggers.Kind {
	return triggers.Define("fake", "A level that stays.", fakeConfig{}, func(fakeConfig, triggers.Env) (triggers.Source, error) {
		return still{}, nil
	})
}

// still is a passive source, as a polled one is.
type still struct{}

func (s still) Run(ctx context.Context, emit func(scalers.Event)) error {
	return triggers.RunPassive(ctx, s, emit)
}

func (still) Start(emit func(scalers.Event)) (stop func(), err error) {
	emit(eventOf(1))
	return func() {}, nil
}

// stillActuator has targets with one replica.
type stillActuator struct{}

func (stillActuator) Follow(t actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	one := &target{replicas: 1}
	changed(one.observation(t.Name))
	return func() {}, nil
}

func (stillActuator) Set(context.Context, actuator.Target, actuator.Scale, int32) (actuator.Scale, error) {
	return actuator.Scale{}, actuator.ErrConflict
}

func (stillActuator) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }
