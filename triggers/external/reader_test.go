package external

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

func TestReader(t *testing.T) {
	t.Run("the level is the value divided by the server's target", testLevelIsValueDividedByTarget)
	t.Run("an old server without floats is read", testOldServerWithoutFloatsIsRead)
	t.Run("the largest of several metrics counts, and values of one are added", testLargestOfSeveralMetricsCounts)
	t.Run("the server decides whether the trigger is active", testServerDecidesWhetherTriggerIsActive)
	t.Run("a formula gets the value itself", testFormulaGetsValueItself)
	t.Run("the server gets the whole metadata", testServerGetsWholeMetadata)
	t.Run("an answer without a level is unknown", testAnswerWithoutLevelIsUnknown)
	t.Run("half an answer is unknown", testHalfAnswerIsUnknown)
	t.Run("a server that does not answer is unknown", testServerThatDoesNotAnswerIsUnknown)
	t.Run("a server of another protocol is unknown", testServerOfAnotherProtocolIsUnknown)
}

func testLevelIsValueDividedByTarget(t *testing.T) {
	s := startServer(t, nil, false)
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	if e := r.untilLevel(3000); e.Trigger != "jobs" || e.At == 0 {
		t.Errorf("got the trigger %q at %d, want jobs and an instant", e.Trigger, e.At)
	}
	s.measureFloats(22.222, 6.111)
	r.untilLevel(3637)
	s.measureFloats(1.1, 0.1)
	r.untilLevel(11_000)
	s.measure(0, 10, false)
	r.untilLevel(0)
}

func testOldServerWithoutFloatsIsRead(t *testing.T) {
	s := startServer(t, nil, true)
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	r.untilLevel(3000)
	s.measure(25, 10, true)
	r.untilLevel(2500)
}

func testLargestOfSeveralMetricsCounts(t *testing.T) {
	s := startServer(t, nil, false)
	s.set(func(s *server) {
		s.specs = []*pb.MetricSpec{{MetricName: "a", TargetSize: 10}, {MetricName: "b", TargetSize: 2, TargetSizeFloat: 4}, {MetricName: "c", TargetSize: 1}}
		s.values = map[string][]*pb.MetricValue{
			"a": {{MetricValue: 30}}, "b": {{MetricValue: 9}, {MetricName: "other", MetricValue: 100, MetricValueFloat: 5}}, "c": {{}},
		}
	})
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	r.untilLevel(3500)
}

func testServerDecidesWhetherTriggerIsActive(t *testing.T) {
	s := startServer(t, nil, false)
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	for _, c := range []struct {
		value  int64
		active bool
		want   scalers.Activity
	}{{0, true, scalers.ActiveBySource}, {40, false, scalers.InactiveBySource}} {
		s.measure(c.value, 10, c.active)
		if e := r.untilLevel(scalers.Milli(c.value * 100)); e.Activity != c.want {
			t.Errorf("value %d, IsActive %t: got the activity %d, want %d", c.value, c.active, e.Activity, c.want)
		}
	}
}

func testFormulaGetsValueItself(t *testing.T) {
	s := startServer(t, nil, false)
	s.measureFloats(22.222, 6.111)
	env := newEnvironment(t, often, nil).Env
	env.Input = true
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, env)
	r.untilLevel(22_222)
	s.set(func(s *server) { s.specs = append(s.specs, s.specs[0]) })
	r.untilError("a formula needs one value, but the server has 2 metrics")
}

func testServerGetsWholeMetadata(t *testing.T) {
	s := startServer(t, nil, false)
	metadata := map[string]string{"scalerAddress": s.address, "unsafeSsl": "false", "queue": " orders ", "threshold": "5"}
	run(t, Kind(), metadata, newEnvironment(t, often, map[string]string{"other": "secret"}).Env).untilLevel(3000)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.asked; got.GetName() != "worker" || got.GetNamespace() != "shop" || !maps.Equal(got.GetScalerMetadata(), metadata) {
		t.Errorf("got %v, want worker in shop with %v", got, metadata)
	}
}

func testAnswerWithoutLevelIsUnknown(t *testing.T) {
	s := startServer(t, nil, false)
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	spec := func(specs ...*pb.MetricSpec) func(*server) { return func(s *server) { s.specs = specs } }
	values := func(values ...*pb.MetricValue) func(*server) {
		return func(s *server) { s.values = map[string][]*pb.MetricValue{"jobs": values} }
	}
	fails := func(code codes.Code, text string) func(*server) {
		return func(s *server) { s.failure = status.Error(code, text) }
	}
	for _, c := range []struct {
		change func(*server)
		want   string
	}{
		{spec(), "has no metric for this trigger"},
		{spec(make([]*pb.MetricSpec, maxMetrics+1)...), "33 metrics for this trigger, more than 32"},
		{spec(&pb.MetricSpec{MetricName: "jobs"}), `metric "jobs" the target 0, which is not above 0`},
		{spec(&pb.MetricSpec{MetricName: "jobs", TargetSize: -1}), "the target -1, which is not above 0"},
		{spec(&pb.MetricSpec{MetricName: "jobs", TargetSize: 5, TargetSizeFloat: math.NaN()}), "the target NaN, which is not above 0"},
		{values(), `has no value of metric "jobs"`},
		{values(make([]*pb.MetricValue, maxValues+1)...), `1001 values of metric "jobs", more than 1000`},
		{values(&pb.MetricValue{MetricValue: -5}), "the value -5, which is negative"},
		{values(&pb.MetricValue{MetricValueFloat: -0.5}), "the value -0.5, which is negative"},
		{values(&pb.MetricValue{MetricValueFloat: math.NaN()}), "the value NaN, which is not a finite number"},
		{values(&pb.MetricValue{MetricValueFloat: math.Inf(1)}), "the value +Inf, which is not a finite number"},
		{values(&pb.MetricValue{MetricName: strings.Repeat("x", 2*maxMessageBytes)}), "larger than max"},
		{fails(codes.Internal, "the database\nis away"), `GetMetricSpec: Internal: the database\nis away`},
		{fails(codes.Unimplemented, "no"), "the server does not implement GetMetricSpec: no"},
		{fails(codes.Unknown, strings.Repeat("long ", 1000)), "GetMetricSpec: Unknown: long"},
	} {
		s.measure(30, 10, true)
		r.untilLevel(3000)
		s.set(c.change)
		e := r.untilError(c.want)
		if text := e.Err.Error(); len(text) > 500 || strings.Contains(text, "\n") || !strings.HasPrefix(text, "read "+s.address+": ") {
			t.Errorf("the reason is %q, want one short line that names the server", text)
		}
	}
}

func testHalfAnswerIsUnknown(t *testing.T) {
	s := startServer(t, nil, true)
	read := func(bytes int64) (scalers.Event, int64) {
		half := &testkit.HalfAnswer{Bytes: bytes}
		var e scalers.Event
		t.Run("", func(t *testing.T) { // The connection is closed at its end.
			env := newEnvironment(t, time.Minute, nil).Env
			env.Dial = half.Dial
			e = run(t, Kind(), map[string]string{"scalerAddress": s.address}, env).until("an event", func(scalers.Event) bool { return true })
		})
		return e, half.Delivered()
	}
	e, whole := read(math.MaxInt64)
	if e.Value != 3000 || e.Err != nil || whole == 0 {
		t.Fatalf("the whole answer: got %v, %v, and %d bytes; want 3", e.Value, e.Err, whole)
	}
	for bytes := int64(0); bytes < whole; bytes += 7 {
		if e, _ := read(bytes); e.Err == nil && e.Value != 3000 {
			t.Errorf("%d of %d bytes: got %v, want unknown", bytes, whole, e.Value)
		}
	}
}

func testServerThatDoesNotAnswerIsUnknown(t *testing.T) {
	address := testkit.FreeAddress(t)
	r := run(t, Kind(), map[string]string{"scalerAddress": address}, newEnvironment(t, often, nil).Env)
	r.untilError("connection refused")
	r.stop()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeoutCause(t.Context(), often, errors.New("no answer within a moment"))
	defer cancel()
	silent := newReader(Config{ScalerAddress: address}, newEnvironment(t, often, nil).Env)
	defer silent.link.close()
	if _, err := silent.read(ctx); err == nil || !strings.Contains(err.Error(), "no answer within a moment") {
		t.Errorf("got %v from a server that accepts connections and is silent, want that it does not answer", err)
	}
}

func testServerOfAnotherProtocolIsUnknown(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Background(t, func(context.Context) error {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return nil //nolint:nilerr // The test has ended.
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			_ = conn.Close()
		}
	})
	defer func() { _ = listener.Close() }()
	r := run(t, Kind(), map[string]string{"scalerAddress": listener.Addr().String()}, newEnvironment(t, time.Second, nil).Env)
	r.untilError("error reading server preface")
}
