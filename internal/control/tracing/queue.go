package tracing

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/impulse-sh/impulse/triggers"
)

// maxWaiting bounds the spans that wait for their export, or are being exported.
const maxWaiting = 2048

// queue bounds the spans that wait for their export. It receives those that have ended, passes them to a batch processor, and exports the
// batches that this returns. Spans that are dropped are counted.
type queue struct {
	sdk.SpanProcessor

	exporter sdk.SpanExporter
	metrics  *metrics
	log      *slog.Logger
	// to is the address of the collector.
	to      string
	waiting atomic.Int64
	// stopped is closed when the last export has ended.
	stopped chan struct{}

	mu sync.Mutex
	// failure identifies why the last export failed; "" if it did not.
	failure string
	// cancel ends the export in progress. Once aborted is true, every export fails at once.
	cancel  context.CancelFunc
	aborted bool
}

func newQueue(exporter sdk.SpanExporter, m *metrics, log *slog.Logger, to string) *queue {
	q := &queue{exporter: exporter, metrics: m, log: log, to: to, stopped: make(chan struct{})}
	q.SpanProcessor = sdk.NewBatchSpanProcessor(exports{q}, sdk.WithMaxQueueSize(maxWaiting))
	return q
}

// OnEnd implements sdk.SpanProcessor. It does not block.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > maxWaiting {
		q.waiting.Add(-1)
		q.metrics.full.Inc()
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// stop exports the spans that wait, and returns when that has ended. When ctx is done, the rest is dropped.
func (q *queue) stop(ctx context.Context) {
	defer context.AfterFunc(ctx, q.abort)()
	_ = q.Shutdown(ctx) // Its error is that of ctx: exports do not return theirs.
	<-q.stopped
}

// abort lets the export in progress, and all later ones, fail at once.
func (q *queue) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.aborted = true
	if q.cancel != nil {
		q.cancel()
	}
}

// begin returns the context of an export, which abort ends.
func (q *queue) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cancel = cancel
	if q.aborted {
		cancel()
	}
	return ctx, cancel
}

// exports is a queue as the exporter of its batch processor, which calls it from one goroutine.
type exports struct{ *queue }

// ExportSpans implements sdk.SpanExporter. Its errors end here: the spans are counted, and the reason is logged.
func (e exports) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := e.begin(ctx)
	defer cancel()
	err := e.exporter.ExportSpans(ctx, spans)
	e.waiting.Add(int64(-len(spans)))
	if err != nil {
		e.metrics.failed.Add(float64(len(spans)))
	}
	e.logFailure(err)
	return nil
}

// Shutdown implements sdk.SpanExporter. It is called after the last export.
func (e exports) Shutdown(ctx context.Context) error {
	defer close(e.stopped)
	return e.exporter.Shutdown(ctx)
}

// logFailure logs the first of several failures for one reason, and the next success.
func (q *queue) logFailure(err error) {
	failure := ""
	if err != nil {
		failure = triggers.ErrorIdentity(err)
	}
	q.mu.Lock()
	last := q.failure
	q.failure = failure
	q.mu.Unlock()
	switch {
	case failure == last:
	case err != nil:
		q.log.Warn("traces cannot be exported; their spans are dropped", "endpoint", q.to, "error", err)
	default:
		q.log.Info("traces are exported again", "endpoint", q.to)
	}
}
