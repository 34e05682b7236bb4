package builtin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// streams are the kinds whose triggers have goroutines of their own, because each reads a stream.
var streams = []string{"external-push", "nats-jetstream"}

const (
	// costTriggers is how many triggers of a kind are started, and budgetEach how many goroutines and timers one may have.
	costTriggers = 200
	budgetEach   = 0.05
)

// TestCost counts goroutines and timers of the process, so it does not run in parallel with other tests.
func TestCost(t *testing.T) {
	for _, k := range Kinds() {
		if k.Requires != "" {
			continue // KEDA's scalers run in another process.
		}
		t.Run("triggers of "+k.Name+" have no goroutine and no timer, unless they read a stream", func(t *testing.T) { testTriggersHaveNoGoroutine(t, k) })
	}
}

func testTriggersHaveNoGoroutine(t *testing.T, k triggers.Kind) {
	metadata := maps.Clone(k.Example)
	if k.Name == "metrics-api" { // Over all pods it needs more.
		metadata["aggregateFromKubeServiceEndpoints"] = "true"
	}
	config, err := k.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // Each allocation has a stack then, which tells timers.
	goroutines, timers := runtime.NumGoroutine(), timersInUse()
	var stops []func()
	for i := range costTriggers {
		source, err := k.Open(config, costEnv(fmt.Sprint("app-", i)))
		if err != nil {
			t.Fatal(err)
		}
		passive, ok := source.(triggers.Passive)
		if ok == slices.Contains(streams, k.Name) {
			t.Fatalf("its source is passive: %t, want that exactly the streams %v are not", ok, streams)
		}
		if !ok {
			return
		}
		stop, err := passive.Start(func(scalers.Event) {})
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, stop)
	}
	for deadline := time.Now().Add(time.Minute); float64(runtime.NumGoroutine()-goroutines) > budgetEach*costTriggers; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d triggers have %d goroutines, want at most %v for each", costTriggers, runtime.NumGoroutine()-goroutines, budgetEach)
		}
	}
	if n := float64(timersInUse() - timers); n > budgetEach*costTriggers {
		t.Errorf("%d triggers have %v timers, want at most %v for each", costTriggers, n, budgetEach)
	}
	for _, stop := range stops {
		stop()
	}
}

// The parts that all triggers share. The poller does not read.
var (
	costPoller, costPool, costQueue = triggers.NewPoller(1, 1), triggers.NewPool(), workqueue.New(2)
)

// costEnv returns what a trigger needs of the process.
func costEnv(object string) triggers.Env {
	return triggers.Env{
		Namespace: "shop", Object: object, Trigger: "t", Now: time.Now, Poller: costPoller, Pool: costPool, Queue: costQueue,
		HTTP: http.DefaultClient, Metrics: nothing{}, Cached: true, Alerts: nothing{}, Endpoints: nothing{}, Samples: nothing{},
		Pods: func() ([]triggers.Pod, error) { return nil, nil }, PodSelector: func() (string, error) { return "app=web", nil },
		PodMetrics: func(context.Context, string) (*metricsv1beta1.PodMetricsList, error) {
			return nil, errors.New("not read")
		},
		CountPods: func(_ triggers.PodQuery, changed func(int64, error)) (func(), error) {
			changed(1, nil)
			return func() {}, nil
		},
		WatchService: func(triggers.Service, func([]triggers.ServiceEndpoint, error)) func() { return func() {} },
	}
}

// nothing has no alerts, and receives no message and no sample.
type nothing struct {
	triggers.Endpoints
	triggers.MetricsAPIs
}

func (nothing) Follow(_ triggers.AlertQuery, changed func(triggers.Cause, []triggers.Alert, error)) func() {
	changed(triggers.Cause{At: time.Now()}, nil, nil)
	return func() {}
}

func (nothing) Listen(triggers.Endpoint, func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	return func() {}
}

func (nothing) ListenSamples(string, string, func(triggers.Cause, []triggers.Series)) func() {
	return func() {}
}

// timersInUse returns how many timers can be reached that were made while every allocation had a stack.
func timersInUse() int64 {
	runtime.GC()
	runtime.GC() // A profile shows what the last but one collection has left.
	records := make([]runtime.MemProfileRecord, 100_000)
	n, _ := runtime.MemProfile(records, true)
	total := int64(0)
	for _, r := range records[:min(n, len(records))] {
		frames := runtime.CallersFrames(r.Stack())
		for frame, more := frames.Next(); frame.Function != ""; frame, more = frames.Next() {
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
