package endpoints

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/triggers"
)

// Written is what was accepted of a write request of version 2.0; the sender learns it from the answer.
type Written struct{ Samples, Histograms, Exemplars int }

type (
	// metric is the name of a metric in a namespace; "" is every metric.
	metric struct{ namespace, name string }
	// sampleListener is one trigger that listens to samples.
	sampleListener struct {
		receive func(c triggers.Cause, series []triggers.Series)
	}
)

// ListenSamples implements triggers.Samples.
func (r *Receiver) ListenSamples(namespace, name string, receive func(triggers.Cause, []triggers.Series)) func() {
	key, l := metric{namespace, name}, &sampleListener{receive}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.samples[key] == nil {
		r.samples[key] = map[*sampleListener]bool{}
	}
	r.samples[key][l] = true
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if delete(r.samples[key], l); len(r.samples[key]) == 0 {
			delete(r.samples, key)
		}
	})
}

// ReceiveWrite decodes a write request of Prometheus to a namespace, and passes its series to the triggers. Samples that no trigger selects
// are accepted, as their sender would only repeat or report them. Series with invalid labels are refused, and the others are passed on.
// written is nil for a request of version 1.0. Its errors are *RefusedError, or those of q.Grow.
func (r *Receiver) ReceiveWrite(ctx context.Context, q *Request) (written *Written, err error) {
	const endpoint = "remote-write"
	w, err := decodeWrite(q)
	if err != nil {
		if _, refused := errors.AsType[*RefusedError](err); refused {
			r.metrics.countMessage(endpoint, invalid)
		}
		return nil, err
	}
	passed := r.pass(triggers.Cause{At: q.At, Trace: traceOf(trace.SpanFromContext(ctx))}, q.Namespace, w.series)
	if passed == 0 && len(w.series) > 0 && !r.complete() {
		r.metrics.countMessage(endpoint, unavailable)
		return nil, r.notFound("")
	}
	r.countSamples(w, passed)
	if w.version2 {
		written = &w.accepted
	}
	if len(w.mistakes) > 0 {
		r.metrics.countMessage(endpoint, invalid)
		return written, &RefusedError{ErrInvalid, fmt.Sprintf("%d series were refused, and the others are accepted: %s", w.refused, reasons(w.mistakes))}
	}
	result := recorded
	if passed == 0 {
		result = ignored
	}
	r.metrics.countMessage(endpoint, result)
	return written, nil
}

// pass passes series to the triggers that name their metric or no metric. It returns the number of samples of series that were passed.
func (r *Receiver) pass(c triggers.Cause, namespace string, series []triggers.Series) int {
	batches, passed := map[*sampleListener][]triggers.Series{}, 0
	r.mu.RLock()
	for i := range series {
		selected := false
		for _, name := range [...]string{series[i].Label(triggers.MetricName), ""} {
			for l := range r.samples[metric{namespace, name}] {
				batches[l], selected = append(batches[l], series[i]), true
			}
		}
		if selected {
			passed += len(series[i].Samples) + series[i].Histograms
		}
	}
	r.mu.RUnlock()
	for l, batch := range batches {
		l.receive(c, batch)
	}
	return passed
}

// countSamples counts the samples of a request.
func (r *Receiver) countSamples(w *write, passed int) {
	for result, n := range map[string]int{
		"passed": passed, "ignored": w.accepted.Samples + w.accepted.Histograms - passed, invalid: w.invalid,
	} {
		r.metrics.samples.WithLabelValues(result).Add(float64(n))
	}
}
