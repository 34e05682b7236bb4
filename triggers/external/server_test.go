package external

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/impulse-sh/impulse/internal/testkit"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

// server is a real gRPC server whose answers a test sets.
type server struct {
	pb.UnimplementedExternalScalerServer

	t       testing.TB
	address string
	secure  *tls.Config
	// old is true for a server without StreamMetricSpec, and unary for one without any stream.
	old, unary bool

	mu      sync.Mutex
	grpc    *grpc.Server
	serving chan struct{}
	specs   []*pb.MetricSpec
	values  map[string][]*pb.MetricValue
	active  bool
	failure error
	// changed is closed when what the server streams changes.
	changed chan struct{}
	asked   *pb.ScaledObjectRef
	conns   map[net.Addr]bool
	streams int
	calls   int
}

// startServer starts a server with one metric, and stops it at the end of the test.
func startServer(t testing.TB, secure *tls.Config, old bool) *server {
	t.Helper()
	s := &server{t: t, address: testkit.FreeAddress(t), secure: secure, old: old, changed: make(chan struct{}), conns: map[net.Addr]bool{}}
	s.measure(30, 10, true)
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start serves at the server's address.
func (s *server) start() {
	s.t.Helper()
	listener, err := new(net.ListenConfig).Listen(s.t.Context(), "tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	var options []grpc.ServerOption
	if s.secure != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.secure)))
	}
	service := pb.ExternalScaler_ServiceDesc
	if s.old {
		service.Streams = slices.DeleteFunc(slices.Clone(service.Streams), func(d grpc.StreamDesc) bool { return d.StreamName == "StreamMetricSpec" })
	}
	if s.unary {
		service.Streams = nil
	}
	running, serving := grpc.NewServer(options...), make(chan struct{})
	running.RegisterService(&service, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grpc, s.serving = running, serving
	go func() {
		defer close(serving)
		_ = running.Serve(counted{listener, s}) // It returns when the server stops.
	}()
}

// stop ends the server and its connections.
func (s *server) stop() {
	s.mu.Lock()
	running, serving := s.grpc, s.serving
	s.mu.Unlock()
	running.Stop()
	<-serving
}

// counted counts the connections that a server accepts.
type counted struct {
	net.Listener

	s *server
}

// Accept accepts the next connection.
func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		c.s.conns[conn.RemoteAddr()] = true
	}
	return conn, err
}

// set changes the server's answers without streaming anything.
func (s *server) set(change func(s *server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// stream makes the server stream its current state.
func (s *server) stream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// measure sets one metric, with integers as an old server has them.
func (s *server) measure(value, target int64, active bool) {
	s.set(func(s *server) {
		s.specs = []*pb.MetricSpec{{MetricName: "jobs", TargetSize: target}}
		s.values = map[string][]*pb.MetricValue{"jobs": {{MetricName: "jobs", MetricValue: value}}}
		s.active, s.failure = active, nil
	})
}

// measureFloats sets one metric with floats.
func (s *server) measureFloats(value, target float64) {
	s.set(func(s *server) {
		s.specs = []*pb.MetricSpec{{MetricName: "jobs", TargetSizeFloat: target}}
		s.values = map[string][]*pb.MetricValue{"jobs": {{MetricName: "jobs", MetricValueFloat: value}}}
		s.active, s.failure = value > 0, nil
	})
}

// openStreams returns the number of streams that are open.
func (s *server) openStreams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}

// specCalls returns the number of calls of GetMetricSpec.
func (s *server) specCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// connections returns the number of connections that the server has accepted.
func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// IsActive answers whether there is work.
func (s *server) IsActive(context.Context, *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.IsActiveResponse{Result: s.active}, nil
}

// GetMetricSpec answers with the metrics.
func (s *server) GetMetricSpec(_ context.Context, ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.calls = ref, s.calls+1
	return &pb.GetMetricSpecResponse{MetricSpecs: s.specs}, s.failure
}

// GetMetrics answers with the values of a metric.
func (s *server) GetMetrics(_ context.Context, r *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.GetMetricsResponse{MetricValues: s.values[r.GetMetricName()]}, nil
}

// StreamIsActive streams whether there is work.
func (s *server) StreamIsActive(_ *pb.ScaledObjectRef, to grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	return s.send(to.Context(), func() error { return to.Send(&pb.IsActiveResponse{Result: s.active}) })
}

// StreamMetricSpec streams the metrics.
func (s *server) StreamMetricSpec(_ *pb.ScaledObjectRef, to grpc.ServerStreamingServer[pb.GetMetricSpecResponse]) error {
	return s.send(to.Context(), func() error { return to.Send(&pb.GetMetricSpecResponse{MetricSpecs: s.specs}) })
}

// send calls message at once and at each change, with the server locked.
func (s *server) send(ctx context.Context, message func() error) error {
	s.mu.Lock()
	s.streams++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.streams--
		s.mu.Unlock()
	}()
	for {
		s.mu.Lock()
		changed, err := s.changed, message()
		s.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
