package autoscaler

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestSpans(t *testing.T) {
	t.Run("the decision on a traced event, and its write, are in the trace of the event", testDecisionAndWriteAreInTraceOfEvent)
	t.Run("a traced event that changes nothing has a decision and no write", testTracedEventThatChangesNothingHasDecisionAndNoWrite)
	t.Run("without a traced event, a change of the count is a trace of its own", testWithoutTracedEventChangeIsTraceOfItsOwn)
	t.Run("a decision on several traced events is in one trace, with links to the others", testDecisionOnSeveralTracedEventsHasLinks)
	t.Run("a write that is repeated is in the trace of its decision", testWriteThatIsRepeatedIsInTraceOfItsDecision)
	t.Run("what is not sampled is not recorded", testWhatIsNotSampledIsNotRecorded)
	t.Run("without a tracer nothing is allocated", testWithoutTracerNothingIsAllocated)
}

// traced runs a test in an env with n triggers whose autoscaler makes spans. spans returns those that have ended, one for each line:
// NAME PARENT TRACE ATTRIBUTES. The parent is the name of a span, "sender" for that of an event, and "-" for none.
func traced(t *testing.T, n int, test func(t *testing.T, e *env, spans func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		recorder := tracetest.NewSpanRecorder()
		e := newEnv(t, n, 1)
		e.tracer = sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")
		e.start(scalers.Memory{})
		test(t, e, func() []string {
			synctest.Wait()
			return describe(recorder.Ended())
		})
		e.stop()
	})
}

func describe(spans []sdk.ReadOnlySpan) []string {
	slices.SortStableFunc(spans, func(a, b sdk.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	names := map[[8]byte]string{{}: "-", {1}: "sender", {2}: "sender"}
	for _, s := range spans {
		names[s.SpanContext().SpanID()] = s.Name()
	}
	var all []string
	for _, s := range spans {
		id := s.SpanContext().TraceID()
		of := "own"
		if id[1] == 0 && id[2] == 0 {
			of = strconv.Itoa(int(id[0]))
		}
		line := []string{s.Name(), names[s.Parent().SpanID()], of}
		for _, a := range s.Attributes() {
			key := strings.TrimPrefix(string(a.Key), "impulse.")
			line = append(line, key+"="+a.Value.String())
		}
		for _, l := range s.Links() {
			line = append(line, fmt.Sprintf("link=%d", l.SpanContext.TraceID()[0]))
		}
		if s.Status().Description != "" {
			line = append(line, "error="+s.Status().Description)
		}
		all = append(all, strings.Join(line, " "))
	}
	return all
}

// traceNumber returns the n-th trace of the tests.
func traceNumber(n byte) scalers.Trace {
	return scalers.Trace{ID: [16]byte{n}, Span: [8]byte{n}, Sampled: true}
}

// emitTraced sends a level that is read now, in a trace.
func (s *source) emitTraced(level int64, trace scalers.Trace) {
	s.send(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000), Trace: trace})
}

func expectSpans(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got the spans\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const ofWorkload = "k8s.namespace.name=shop scaledobject=web "

func testDecisionAndWriteAreInTraceOfEvent(t *testing.T) {
	traced(t, 1, func(t *testing.T, e *env, spans func() []string) {
		e.sources[0].emitTraced(20, traceNumber(1))
		e.want(10)
		expectSpans(t, spans(),
			"decide sender 1 "+ofWorkload+`replicas.from=1 replicas.to=10 limited_by=["maxReplicaCount"] trigger=t0`,
			"write decide 1 "+ofWorkload+"replicas.from=1 replicas.to=10")
	})
}

func testTracedEventThatChangesNothingHasDecisionAndNoWrite(t *testing.T) {
	traced(t, 1, func(t *testing.T, e *env, spans func() []string) {
		e.sources[0].emitTraced(1, traceNumber(2))
		synctest.Wait()
		e.sources[0].emitLevel(1)
		e.want(1)
		expectSpans(t, spans(), "decide sender 2 "+ofWorkload+"replicas.from=1 replicas.to=1 limited_by=[] trigger=t0")
	})
}

func testWithoutTracedEventChangeIsTraceOfItsOwn(t *testing.T) {
	traced(t, 1, func(t *testing.T, e *env, spans func() []string) {
		e.sources[0].emitLevel(1)
		synctest.Wait()
		e.sources[0].emitLevel(3)
		e.want(3)
		expectSpans(t, spans(),
			"decide - own "+ofWorkload+"replicas.from=1 replicas.to=3 limited_by=[] trigger=t0",
			"write decide own "+ofWorkload+"replicas.from=1 replicas.to=3")
	})
}

func testDecisionOnSeveralTracedEventsHasLinks(t *testing.T) {
	traced(t, 2, func(t *testing.T, e *env, spans func() []string) {
		e.sources[0].emitTraced(2, traceNumber(1)) // The first decision waits for the other trigger.
		e.sources[1].emitTraced(3, traceNumber(2))
		e.want(3)
		got := spans()
		if len(got) == 0 || !strings.Contains(got[0], "trigger=t0 link=2") && !strings.Contains(got[0], "trigger=t1") {
			t.Errorf("got the spans\n%s\nwant a decision in trace 1 with a link to 2, or in 2 if it came later", strings.Join(got, "\n"))
		}
	})
	in := loop.Inputs{Readings: []scalers.Event{{}, {Trace: traceNumber(1)}, {Trace: traceNumber(2)}, {Trace: traceNumber(1)}}, Arrived: 0b0110}
	parent, links := tracesOf(&in)
	if parent.TraceID() != traceNumber(1).ID || len(links) != 1 || links[0].SpanContext.TraceID() != traceNumber(2).ID {
		t.Errorf("got the parent %v and the links %v, want trace 1 and a link to 2", parent, links)
	}
}

func testWriteThatIsRepeatedIsInTraceOfItsDecision(t *testing.T) {
	traced(t, 1, func(t *testing.T, e *env, spans func() []string) {
		e.target.failWith(func(int32) error { return errors.New("the API server is away") })
		e.sources[0].emitTraced(3, traceNumber(1))
		synctest.Wait()
		e.target.failWith(nil)
		pass(time.Second)
		e.want(3)
		const write = "write decide 1 " + ofWorkload + "replicas.from=1 replicas.to=3"
		expectSpans(t, spans()[1:], write+" error=the API server is away", write)
	})
}

func testWhatIsNotSampledIsNotRecorded(t *testing.T) {
	traced(t, 1, func(t *testing.T, e *env, spans func() []string) {
		unsampled := traceNumber(1)
		unsampled.Sampled = false
		e.sources[0].emitTraced(3, unsampled)
		e.want(3)
		expectSpans(t, spans())
	})
}

func testWithoutTracerNothingIsAllocated(t *testing.T) {
	var s spans
	w, state := newEnv(t, 1, 1).workload, loop.New(loop.Options{Policy: &scalers.Policy{}})
	in := loop.Inputs{Readings: []scalers.Event{{Trace: traceNumber(1)}}, Arrived: 1}
	write := &loop.Write{}
	if allocs := testing.AllocsPerRun(1000, func() {
		s.decided(w, state, &in, s.now())
		s.ofWrite(w, write).end(nil)
	}); allocs > 0 {
		t.Errorf("a decision and a write allocate %v times, want 0", allocs)
	}
}
