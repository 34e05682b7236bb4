package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// server is a real Redis server, with a client of the test.
type server struct {
	*testkit.Process
	t       *testing.T
	address string
	args    []string
	client  *goredis.Client
}

// start starts a server on a free port; args are added to the command line, after those that keep its data for a restart. The data need not
// be on the disk when only the server is killed.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, address: testkit.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(s.address)
	s.args = append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "yes", "--appendfsync", "no",
		"--loglevel", "warning",
	}, args...)
	s.client = newClient(t, &goredis.Options{Addr: s.address})
	s.restart()
	return s
}

// restart starts the server at the same address with the same data.
func (s *server) restart() {
	s.t.Helper()
	s.Process = testkit.StartProgram(s.t, "redis-server", debian.Program(s.t, "redis-server", "/usr/bin/redis-server"), s.args...)
	s.Eventually("it answers", func(ctx context.Context) bool {
		err := s.client.Ping(ctx).Err()
		return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
	})
}

// do sends a command, such as a producer would, over the client of the test, and returns the answer.
func (s *server) do(command ...any) any {
	s.t.Helper()
	answer, err := s.client.Do(s.t.Context(), command...).Result()
	if err != nil && !errors.Is(err, goredis.Nil) {
		s.t.Fatalf("%v: %v", command, err)
	}
	return answer
}

func newClient(t *testing.T, options *goredis.Options) *goredis.Client {
	t.Helper()
	options.DisableIdentity, options.Protocol = true, 2
	options.ReadTimeout = time.Minute // The client would send a command again, which may add an entry twice.
	client := goredis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// metadata returns the metadata of a trigger of the server. pairs are further keys and values.
func (s *server) metadata(pairs ...string) map[string]string {
	m := map[string]string{"address": s.address}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// newReader returns a reader with a connection of its own.
func newReader(t *testing.T, kind triggers.Kind, metadata, secrets map[string]string) *reader {
	t.Helper()
	decoded, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := decoded.(config)
	if !ok {
		t.Fatalf("the config of %s is a %T", kind.Name, decoded)
	}
	shared := newConnection(t.Context(), nil)
	t.Cleanup(func() { _ = shared.Close() })
	return &reader{settings: c.settings(), query: c.query(), connection: shared, secrets: triggertest.Secrets(secrets)}
}

// expect reads once, and fails the test unless the level is known and as wanted.
func expect(t *testing.T, r *reader, want string) {
	t.Helper()
	got, err := r.Read(t.Context())
	if err != nil || got.unknown != nil || got.value.String() != want {
		t.Errorf("the level is %s, %v, %v; want %s", got.value, got.unknown, err, want)
	}
}

// expectUnknown reads once, and fails the test unless the level is unknown, with a reason that has one of the texts.
func expectUnknown(t *testing.T, r *reader, want ...string) {
	t.Helper()
	got, err := r.Read(t.Context())
	if err == nil || !slices.ContainsFunc(want, func(reason string) bool { return strings.Contains(err.Error(), reason) }) {
		t.Errorf("the level is %s, with the error %v; want an unknown one because of one of %q", got.value, err, want)
	}
}
