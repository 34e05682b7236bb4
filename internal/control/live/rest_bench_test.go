package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/prometheus"
)

// The benchmark reads restObjects objects every restInterval.
const (
	restObjects  = 1000
	restInterval = 5 * time.Second
)

// BenchmarkRest measures one reading of many at rest: from the tick of the Poller through HTTP and the decision, which changes nothing, to the
// report. Beside it are requests of net/http at the same rate that only decode the same answer, one by one and in ticks. The CPU of a reading
// says more than its time: a process that has little to do spends most of it on waking up. The server is in the same process, so its part is in
// all figures.
func BenchmarkRest(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1790000000.123,"300"]}]}}`)
	}))
	b.Cleanup(server.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	b.Cleanup(transport.CloseIdleConnections)
	web := &http.Client{Transport: transport}
	b.Run("impulse", func(b *testing.B) {
		r := newRest(b, web, server.URL)
		measure(b, &r.decisions)
	})
	for name, together := range map[string]int{"bare, one by one": 1, "bare, ten at a time": 10} {
		b.Run(name, func(b *testing.B) {
			var answered atomic.Int64
			requestEvenly(b, together, func() {
				if err := bareRequest(context.WithoutCancel(b.Context()), web, server.URL+"/api/v1/query?query="+url.QueryEscape("sum(hits)")); err != nil {
					b.Error(err)
				}
				answered.Add(1)
			})
			measure(b, &answered)
		})
	}
}

// measure waits until a counter has grown by b.N, and reports the CPU of the process for each.
func measure(b *testing.B, counter *atomic.Int64) {
	b.Helper()
	cpu := func() float64 {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			b.Fatal(err)
		}
		return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
	}
	began, before := counter.Load(), cpu()
	b.ReportAllocs()
	b.ResetTimer()
	for counter.Load() < began+int64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric((cpu()-before)/float64(counter.Load()-began), "cpu-µs/op")
}

// rest are objects whose readings change nothing. As a reporter, it counts the decisions on readings.
type rest struct {
	autoscaler.Reporter

	decisions atomic.Int64
}

// Decided implements autoscaler.Reporter.
func (r *rest) Decided(o *autoscaler.Outcome) {
	r.Reporter.Decided(o)
	if o.Arrived != 0 {
		r.decisions.Add(1)
	}
}

// newRest starts the objects, and waits until each was read twice: the second readings are spread evenly, and so are all after them.
func newRest(b *testing.B, web *http.Client, server string) *rest {
	b.Helper()
	reporter := status.New(noStore{}, status.Silent{}, status.NewMetrics(client.NewRegistry()), slog.New(slog.DiscardHandler))
	view := New(reporter, nil, time.Now)
	reporter.Observe(view)
	r := &rest{Reporter: reporter}
	ctx, cancel := context.WithCancel(b.Context())
	poller, queue := triggers.NewPoller(512, 64), workqueue.New(4)
	var running sync.WaitGroup
	running.Go(func() { reporter.Run(ctx) })
	running.Go(func() { _ = poller.Run(ctx) })
	kind := prometheus.Kind()
	for i := range restObjects {
		config, err := kind.Decode(map[string]string{"serverAddress": server, "query": fmt.Sprintf("sum(hits{shop=\"%d\"})", i), "threshold": "100"})
		if err != nil {
			b.Fatal(err)
		}
		w := restWorkload(i, kind)
		of := status.Object{Namespace: w.Namespace, Name: w.Name, UID: string(w.UID)}
		view.Add(of)
		reporter.Resume(w, &v1alpha1.ScaledObjectStatus{})
		recorder, _ := view.Follow(of, r, reporter.Shadow())
		a := autoscaler.New(autoscaler.Options{
			Workload: w, Reporter: recorder, Now: time.Now, MayWrite: func() bool { return true }, Queue: queue,
			Actuator: &target{observed: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: 3}, Ready: 3}},
			Open: func(int, func(error)) (triggers.Source, error) {
				return kind.Open(config, triggers.Env{
					Namespace: w.Namespace, Object: w.Name, Trigger: "rps", PollingInterval: restInterval, HTTP: web, Now: time.Now, Poller: poller,
				})
			},
		})
		running.Add(1)
		a.Start(ctx, func() autoscaler.Past { return autoscaler.Past{} }, func(scalers.Memory) { running.Done() })
	}
	b.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for r.decisions.Load() < 2*restObjects {
		<-time.After(time.Millisecond)
	}
	return r
}

// restWorkload returns a workload that has the count that its trigger asks for.
func restWorkload(i int, kind triggers.Kind) *compile.Workload {
	name := fmt.Sprintf("web-%d", i)
	return &compile.Workload{
		Namespace: "shop", Name: name, UID: types.UID(name), Generation: 1,
		Target:   actuator.Target{Namespace: "shop", Kind: "Deployment", Name: name},
		Policy:   &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{{Name: "rps", Target: 100_000, StaleAfter: time.Minute}}},
		Triggers: []compile.Trigger{{Name: "rps", Kind: kind, PollingInterval: restInterval}},
	}
}

// requestEvenly calls request at the rate of the objects, several together, until the benchmark ends.
func requestEvenly(b *testing.B, together int, request func()) {
	b.Helper()
	var requesting sync.WaitGroup
	ended := make(chan struct{})
	tick := time.NewTicker(restInterval * time.Duration(together) / restObjects)
	requesting.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			for range together {
				requesting.Go(request)
			}
		}
	})
	b.Cleanup(func() {
		close(ended)
		requesting.Wait()
	})
}

// bareRequest sends a request, and decodes the answer.
func bareRequest(ctx context.Context, web *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	got, err := web.Do(r)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	defer got.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}
