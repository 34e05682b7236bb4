package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

// answerTimeout is how long a test waits for an answer of a server before it asks again.
const answerTimeout = 5 * time.Second

// natsServers starts real nats-servers with JetStream, as a cluster if there are several. All have the same ports, as pods have. It
// returns the client ports' addresses and the monitoring endpoint of the first one.
func (e *env) natsServers(n int) (url, monitoring string) {
	e.t.Helper()
	port := func() string {
		_, p, err := net.SplitHostPort(testkit.FreeAddressOf(e.t, "0.0.0.0"))
		if err != nil {
			e.t.Fatal(err)
		}
		return p
	}
	client, http, route := port(), port(), port()
	var urls, routes []string
	for i := range n {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.%d:%s", i+1, client))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.%d:%s", i+1, route))
	}
	for i := range n {
		ip := fmt.Sprintf("127.0.0.%d", i+1)
		config := fmt.Sprintf("server_name: n%d\nlisten: '%s:%s'\nhttp: '%s:%s'\njetstream {store_dir: '%s'}\n", i, ip, client, ip, http, e.t.TempDir())
		if n > 1 {
			config += fmt.Sprintf("cluster {name: c, listen: '%s:%s', routes: [%s]}\n", ip, route, strings.Join(routes, ", "))
		}
		file := filepath.Join(e.t.TempDir(), "nats.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			e.t.Fatal(err)
		}
		e.spawn(fmt.Sprintf("nats-server-%d", i), sandbox.Binary(e.t, "nats-server"), "-c", file)
	}
	return strings.Join(urls, ","), "127.0.0.1:" + http
}

// createWork creates the stream WORK and its consumer workers, with a number of copies, once the servers are ready.
func (e *env) createWork(url string, replicas int) (conn *nats.Conn, js jetstream.JetStream, workers jetstream.Consumer) {
	e.t.Helper()
	conn, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(conn.Close)
	if js, err = jetstream.New(conn); err != nil {
		e.t.Fatal(err)
	}
	return conn, js, e.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers", Replicas: replicas})
}

// request repeats a request to a server until the server has answered: it may be busy, or a stream without a leader for a moment.
func (e *env) request(what string, request func(context.Context) error) {
	e.t.Helper()
	var last error
	e.until(what, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		last = request(ctx)
		return last == nil, nil
	}, func() string { return fmt.Sprint(last) })
}

// publish stores a message once, however often that is tried.
func (e *env) publish(js jetstream.JetStream, subject, body string) {
	e.t.Helper()
	id := jetstream.WithMsgID(rand.Text())
	e.request("a message is stored", func(ctx context.Context) error {
		_, err := js.Publish(ctx, subject, []byte(body), id)
		return err
	})
}

// send stores n messages.
func (e *env) send(js jetstream.JetStream, n int) {
	e.t.Helper()
	for range n {
		e.publish(js, "WORK", "")
	}
}

// drain takes all messages and acknowledges them.
func (e *env) drain(workers jetstream.Consumer) {
	e.t.Helper()
	e.request("all messages are acknowledged", func(ctx context.Context) error {
		batch, err := workers.FetchNoWait(100)
		if err != nil {
			return err
		}
		for m := range batch.Messages() {
			err = errors.Join(err, m.DoubleAck(ctx))
		}
		info, asked := workers.Info(ctx)
		if asked == nil && (info.NumPending > 0 || info.NumAckPending > 0) {
			asked = fmt.Errorf("%d were not delivered, and %d were not acknowledged", info.NumPending, info.NumAckPending)
		}
		return errors.Join(err, asked)
	})
}

// onLag is an object of KEDA as its users write it for JetStream.
func onLag(monitoring string) string {
	return polled("sub", "  minReplicaCount: 0\n  maxReplicaCount: 2\n", "", fmt.Sprintf(
		"\n  - {type: nats-jetstream, metadata: {natsServerMonitoringEndpoint: '%s', account: $G, stream: WORK, consumer: workers, lagThreshold: '10', activationLagThreshold: '15'}}",
		monitoring))
}

func testLagAboveActivationScalesOnOneServer(t *testing.T) {
	e := newKEDAEnv(t)
	url, monitoring := e.natsServers(1)
	_, js, workers := e.createWork(url, 1)
	e.followLag(js, workers, monitoring, func() {})
}

// The consumer gets another leader before the load, and one that the endpoint's server is not.
func testLagAboveActivationScalesAtLeaderOfCluster(t *testing.T) {
	e := newKEDAEnv(t)
	url, monitoring := e.natsServers(3)
	conn, js, workers := e.createWork(url, 3)
	e.followLag(js, workers, monitoring, func() {
		var leader string
		e.until("another server leads the consumer", func(ctx context.Context) (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, answerTimeout) // While there is no leader, nobody answers.
			defer cancel()
			info, err := workers.Info(ctx)
			if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
				return false, nil
			}
			if leader == "" {
				leader = info.Cluster.Leader
			}
			if now := info.Cluster.Leader; now != leader && now != "n0" {
				return true, nil
			}
			_, _ = conn.RequestWithContext(ctx, "$JS.API.CONSUMER.LEADER.STEPDOWN.WORK.workers", nil) // It is asked again.
			return false, nil
		}, func() string { return "the first leader was " + leader })
	})
}

// followLag expects an idle workload at ten messages, its maximum at a load, and an idle workload when the messages are drained.
func (e *env) followLag(js jetstream.JetStream, workers jetstream.Consumer, monitoring string, beforeLoad func()) {
	e.t.Helper()
	e.ApplyDeployment("sub", 0)
	e.send(js, 10)
	e.Apply(onLag(monitoring))
	stop := e.ExpectReplicas("sub", 0)
	e.run("--watch-keda")
	e.kedaCondition("sub", "Ready", "True", "")
	e.kedaCondition("sub", "Active", "False", "")
	stop()
	beforeLoad()
	e.send(js, 40)
	e.AwaitReplicas("sub", 2)
	e.kedaCondition("sub", "Active", "True", "")
	e.drain(workers)
	e.AwaitReplicas("sub", 0)
}

// pushServer is a server of KEDA's protocol for push, of a generation that does not stream targets. It has one number, and takes its target
// from the object: whole numbers travel as integers.
type pushServer struct {
	pb.UnimplementedExternalScalerServer

	mu    sync.Mutex
	value string
	// changed is closed when the number changes.
	changed chan struct{}
}

func newPushServer(t *testing.T) (s *pushServer, address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &pushServer{value: "0", changed: make(chan struct{})}
	server, done := grpc.NewServer(), make(chan struct{})
	pb.RegisterExternalScalerServer(server, s)
	go func() {
		defer close(done)
		_ = server.Serve(listener) // It returns when the server stops.
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return s, listener.Addr().String()
}

func (s *pushServer) set(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
	close(s.changed)
	s.changed = make(chan struct{})
}

// state returns the number, whether there is work, and what is closed when that changes.
func (s *pushServer) state() (value string, active bool, changed chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.value != "0", s.changed
}

// number returns a number as the two fields of the protocol.
func number(text string) (whole int64, fractional float64) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, 0
	}
	fractional, _ = strconv.ParseFloat(text, 64)
	return 0, fractional
}

// GetMetricSpec returns the target that the object gives.
func (s *pushServer) GetMetricSpec(_ context.Context, of *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	whole, fractional := number(of.GetScalerMetadata()["metricThreshold"])
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{MetricName: "jobs", TargetSize: whole, TargetSizeFloat: fractional}}}, nil
}

// GetMetrics returns the number.
func (s *pushServer) GetMetrics(context.Context, *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	value, _, _ := s.state()
	whole, fractional := number(value)
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{MetricName: "jobs", MetricValue: whole, MetricValueFloat: fractional}}}, nil
}

// IsActive reports whether there is work.
func (s *pushServer) IsActive(context.Context, *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	_, active, _ := s.state()
	return &pb.IsActiveResponse{Result: active}, nil
}

// StreamIsActive streams whether there is work, at the start and at each change.
func (s *pushServer) StreamIsActive(_ *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	for {
		_, active, changed := s.state()
		if err := stream.Send(&pb.IsActiveResponse{Result: active}); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-changed:
		}
	}
}

// The polling interval is so long that only what is pushed counts.
func testServerPushesWholeAndFractionalNumbers(t *testing.T) {
	e := newKEDAEnv(t)
	s, address := newPushServer(t)
	e.ApplyDeployment("web", 0)
	object := func(threshold string) string {
		return strings.Replace(polled("web", "  idleReplicaCount: 0\n  minReplicaCount: 1\n  maxReplicaCount: 3\n", "",
			fmt.Sprintf("\n  - {type: external-push, metadata: {scalerAddress: '%s', metricThreshold: '%s'}}", address, threshold)), "pollingInterval: 1\n", "pollingInterval: 600\n", 1)
	}
	e.Apply(object("10"))
	e.run("--watch-keda")
	e.kedaCondition("web", "Ready", "True", "")
	for _, c := range []struct {
		threshold, value string
		want             int32
	}{{"10", "10", 1}, {"10", "20", 2}, {"6.111", "22.222", 3}, {"6.111", "0", 0}} {
		e.Apply(object(c.threshold))
		s.set(c.value)
		e.AwaitReplicas("web", c.want)
	}
}
