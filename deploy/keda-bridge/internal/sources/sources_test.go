package sources

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridge"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

// timeout bounds each wait. It is long, because only failures wait that long.
const timeout = time.Minute

// source is a source that a test controls.
type source struct {
	// metadata and parameters are those of a trigger on the source.
	metadata, parameters map[string]string
	// identity is its podIdentity; nil for none.
	identity *bridgeapi.PodIdentity
	// set makes the level of the source n, from 1 to 3.
	set func(ctx context.Context, n int) error
	// stop ends the programs of the source.
	stop func()
}

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard()) // As in main.
	os.Exit(m.Run())
}

func TestSources(t *testing.T) {
	for kind, start := range map[string]func(*testing.T) source{
		"aws-dynamodb": startDynamoDB, "aws-kinesis-stream": startKinesis,
		"azure-blob": startAzureBlob, "azure-queue": startAzureQueue,
		"beanstalkd": startBeanstalkd, "etcd": startEtcd, "kubernetes-resource": startCluster, "nsq": startNSQ,
		"prometheus": startPrometheusWithIdentity,
	} {
		t.Run(kind+" is followed, and unknown once its source is gone", func(t *testing.T) { follow(t, kind, start(t)) })
	}
	t.Run("aws-dynamodb is followed with the identity of the process", func(t *testing.T) { follow(t, "aws-dynamodb", startDynamoDBWithIdentity(t)) })
}

// follow changes the level of a source, and compares the readings.
func follow(t *testing.T, kind string, s source) {
	t.Helper()
	b := bridge.New(kedatypes.All())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for _, n := range []int{1, 3, 2} {
		if err := s.set(t.Context(), n); err != nil {
			t.Fatalf("set the source to %d: %v", n, err)
		}
		last := ""
		want := string(rune('0' + n))
		eventually(t, func(ctx context.Context) bool {
			answer, err := read(ctx, b, kind, s)
			if err != nil {
				last = err.Error()
				return false
			}
			last, _, _ = strings.Cut(answer.GetMetrics()[0].GetValue(), ".000")
			return last == want && answer.GetActive()
		}, func() string { return "got the level " + last + ", want " + want + " and active" })
	}
	s.stop()
	if answer, err := read(t.Context(), b, kind, s); err == nil {
		t.Errorf("the source is gone: got %v, want an error", answer)
	} else if code := status.Code(err); code != codes.Unavailable && code != codes.InvalidArgument && code != codes.DeadlineExceeded {
		t.Errorf("the source is gone: got the code %s: %v", code, err)
	}
}

// read reads the source once.
func read(ctx context.Context, b *bridge.Server, kind string, s source) (*bridgeapi.ReadResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	parameters := map[string][]byte{}
	for name, value := range s.parameters {
		parameters[name] = []byte(value)
	}
	return b.Read(ctx, &bridgeapi.ReadRequest{
		Version: bridgeapi.Version_VERSION_CURRENT, Type: kind, Namespace: "default", Object: "object", Trigger: "trigger",
		Metadata: s.metadata, Parameters: parameters, PodIdentity: s.identity, MetricType: "AverageValue",
	})
}

// eventually waits until cond is true.
func eventually(t *testing.T, cond func(context.Context) bool, failure func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond(ctx) {
		select {
		case <-ctx.Done():
			t.Fatal(failure())
		case <-tick.C:
		}
	}
}

// emulator returns the path of a program that make bridge-test has built or installed.
func emulator(t *testing.T, path string) string {
	t.Helper()
	folder := os.Getenv("IMPULSE_EMULATORS")
	if folder == "" {
		t.Skip("this test needs emulators: run `make bridge-test`, or set IMPULSE_EMULATORS")
	}
	return filepath.Join(folder, path)
}

// start starts a program that listens on an address, and returns a function that kills it.
func start(t *testing.T, address, program string, arguments ...string) func() {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, arguments...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // It was killed.
		}
	}
	t.Cleanup(func() {
		stop()
		if content, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the end of the log of %s:\n%s", program, content[max(0, len(content)-4096):])
		}
	})
	eventually(t, func(ctx context.Context) bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, func() string { return program + " does not listen on " + address })
	return stop
}

var portsTried atomic.Int32

// freeAddress returns an address of this machine on which nobody listens. Its port is none of those that systems give to outgoing connections:
// such a connection could occupy it before the program does.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 30_000+(os.Getpid()+int(portsTried.Add(1)))%2_500)
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port from 30000 to 32499 is free")
	return ""
}

// portOf returns the port of an address.
func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }
