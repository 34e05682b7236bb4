package rabbitmq

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestFaults(t *testing.T) {
	s := start(t)
	fill(t, s)
	t.Run("a refusal has its reason", s.testRefusalHasItsReason)
	t.Run("a missing queue does not disturb other triggers of the connection", s.testMissingQueueDoesNotDisturbOtherTriggers)
	t.Run("a queue that is deleted is unknown until it exists again", s.testQueueThatIsDeletedIsUnknownUntilItExistsAgain)
	t.Run("triggers with the same credentials share a connection", s.testTriggersWithSameCredentialsShareConnection)
	t.Run("a connection that the server closed is opened again without an error", s.testConnectionThatServerClosedIsOpenedAgain)
	t.Run("a connection that breaks during a request is replaced without an error", s.testConnectionThatBreaksDuringRequestIsReplaced)
	t.Run("a rotated password is used for the next reading without an error", s.testRotatedPasswordIsUsedForNextReading)
	t.Run("a frozen server is unknown, and known again later", s.testFrozenServerIsUnknown)
	t.Run("a refused address is unknown", s.testRefusedAddressIsUnknown)
	t.Run("the server logs no error when a trigger ends", s.testServerLogsNoErrorWhenTriggerEnds)
}

// both runs a check for both protocols.
func (s *testServer) both(t *testing.T, check func(t *testing.T, metadata map[string]string)) {
	t.Helper()
	t.Run("AMQP", func(t *testing.T) { check(t, s.metadata()) })
	t.Run("http", func(t *testing.T) { check(t, s.overHTTP()) })
}

// with returns metadata with a change.
func with(metadata map[string]string, key, value string) map[string]string {
	changed := maps.Clone(metadata)
	changed[key] = value
	return changed
}

// permit makes a user with a tag who may do everything in the virtual host /.
func (s *testServer) permit(name, tag string) {
	s.t.Helper()
	s.admin("PUT", "/api/users/"+name, map[string]any{"password": password, "tags": tag})
	s.admin("PUT", "/api/permissions/%2F/"+name, map[string]any{"configure": ".*", "write": ".*", "read": ".*"})
}

func (s *testServer) testRefusalHasItsReason(t *testing.T) {
	s.permit("plain", "")
	s.admin("PUT", "/api/vhosts/forbidden", nil)
	own := s.channel(t, "/")
	if _, err := own.QueueDeclare("exclusive", false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	plain := map[string]string{"username": "plain", "password": password}
	for _, c := range []struct {
		metadata, secrets map[string]string
		want              string
	}{
		{s.metadata("queueName", "lost"), admins(), "NOT_FOUND - no queue 'lost' in vhost '/' (404)"},
		{s.metadata("queueName", "exclusive"), admins(), "RESOURCE_LOCKED"},
		{s.metadata("vhostName", "lost"), admins(), "log in: NOT_ALLOWED - vhost lost not found (530)"},
		{s.metadata("vhostName", "forbidden"), plain, "log in: NOT_ALLOWED - access to vhost 'forbidden' refused"},
		{s.metadata(), with(admins(), "password", "wrong battery"), "log in: ACCESS_REFUSED - Login was refused"},
		{s.metadata("host", "amqp://"+s.http), admins(), "log in: " + errNotAMQP.Error()},
		{s.overHTTP("queueName", "lost"), admins(), "the queue or its virtual host does not exist"},
		{s.overHTTP("vhostName", "lost"), admins(), "the queue or its virtual host does not exist"},
		{s.overHTTP("vhostName", "lost", "useRegex", "true"), admins(), "the queue or its virtual host does not exist"},
		{s.overHTTP(), with(admins(), "password", "wrong battery"), "the server refuses the request: Login failed (401)"},
		{s.overHTTP(), plain, "the server refuses the request: Not management user (401)"},
		{s.overHTTP(), map[string]string{}, "the server refuses the request: Unauthorized (401)"},
		{s.overHTTP("host", "http://"+s.amqp), admins(), "malformed HTTP response"},
		{s.metadata("host", "amqp://"+testkit.FreeAddress(t)), admins(), "connection refused"},
		{s.overHTTP("host", "http://"+testkit.FreeAddress(t)), admins(), "connection refused"},
	} {
		got := read(t, environment(c.secrets), c.metadata)
		if !strings.Contains(got, c.want) || strings.Contains(got, "battery") || strings.Contains(got, "b@ttery") {
			t.Errorf("%v: got %s, want %s", c.metadata, got, c.want)
		}
	}
}

func (s *testServer) testMissingQueueDoesNotDisturbOtherTriggers(t *testing.T) {
	env := environment(admins())
	var opened atomic.Int64
	env.Dial = s.counting(&opened)
	lost, there := reading(t, env, s.metadata("queueName", "lost")), reading(t, env, s.metadata())
	for range 3 {
		var both sync.WaitGroup
		both.Go(func() {
			if got := lost(t.Context()); !strings.Contains(got, "NOT_FOUND") {
				t.Errorf("the missing queue: got %s, want that it is not found", got)
			}
		})
		if got := there(t.Context()); got != "3" {
			t.Errorf("the other queue: got %s, want 3", got)
		}
		both.Wait()
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}

// counting returns a dial that counts.
func (s *testServer) counting(n *atomic.Int64) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		n.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

func (s *testServer) testQueueThatIsDeletedIsUnknownUntilItExistsAgain(t *testing.T) {
	channel := s.channel(t, "/")
	s.both(t, func(t *testing.T, metadata map[string]string) {
		declare(t, channel, "deleted", "classic", 2)
		next := reading(t, environment(admins()), with(metadata, "queueName", "deleted"))
		until(t, next, "2")
		if _, err := channel.QueueDelete("deleted", false, false, false); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got := next(t.Context()); !strings.Contains(got, "(404)") {
				t.Errorf("got %s, want that the queue does not exist", got)
			}
		}
		declare(t, channel, "deleted", "classic", 4)
		until(t, next, "4")
		if _, err := channel.QueueDelete("deleted", false, false, false); err != nil {
			t.Fatal(err)
		}
	})
}

// until waits for a reading with a text.
func until(t *testing.T, next func(context.Context) string, want string) {
	t.Helper()
	testkit.Eventually(t, "a reading with "+want, func(ctx context.Context) bool { return next(ctx) == want })
}

func (s *testServer) testTriggersWithSameCredentialsShareConnection(t *testing.T) {
	env := environment(admins())
	env.Poller, env.PollingInterval = triggers.NewPoller(64, 64), time.Minute
	testkit.Background(t, env.Poller.Run)
	var opened atomic.Int64
	env.Dial = s.counting(&opened)
	channel := s.channel(t, "/")
	var all []<-chan string
	for i := range 40 {
		name := "shared-" + string(rune('a'+i))
		declare(t, channel, name, "classic", i%3)
		events, texts := run(t, env, s.metadata("queueName", name)), make(chan string, 1)
		go func() { texts <- textOf(<-events) }()
		all = append(all, texts)
	}
	for i, texts := range all {
		if got, want := <-texts, string(rune('0'+i%3)); got != want {
			t.Errorf("queue %d: got %s, want %s", i, got, want)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}

func (s *testServer) testConnectionThatServerClosedIsOpenedAgain(t *testing.T) {
	env := environment(admins())
	var opened atomic.Int64
	env.Dial = s.counting(&opened)
	next := reading(t, env, s.metadata())
	testkit.Eventually(t, "the connection was opened three times", func(ctx context.Context) bool {
		ctx = context.WithoutCancel(ctx) // A busy server may take longer.
		if got := next(ctx); got != "3" {
			t.Fatalf("got %s, want 3", got)
		}
		s.closeConnections(ctx)
		return opened.Load() >= 3
	})
}

// brittle is a connection that breaks at the next write after broken was set.
type brittle struct {
	net.Conn

	broken *atomic.Bool
}

// Write breaks, or writes.
func (b brittle) Write(p []byte) (int, error) {
	if b.broken.CompareAndSwap(true, false) {
		return 0, errors.Join(net.ErrClosed, b.Close())
	}
	return b.Conn.Write(p)
}

func (s *testServer) testConnectionThatBreaksDuringRequestIsReplaced(t *testing.T) {
	env := environment(admins())
	var broken atomic.Bool
	var opened atomic.Int64
	open := s.counting(&opened)
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := open(ctx, network, address)
		return brittle{conn, &broken}, err
	}
	next := reading(t, env, s.metadata())
	expect(t, next(t.Context()), "3")
	broken.Store(true)
	expect(t, next(t.Context()), "3")
	if n := opened.Load(); n != 2 {
		t.Errorf("%d connections were opened, want 2", n)
	}
}

// closeConnections closes all connections that are named impulse.
func (s *testServer) closeConnections(ctx context.Context) {
	s.t.Helper()
	var all []struct {
		Name       string `json:"name"`
		Properties struct {
			Name string `json:"connection_name"`
		} `json:"client_properties"`
	}
	_, content, err := s.call(ctx, http.MethodGet, "/api/connections", nil)
	if err = errors.Join(err, json.Unmarshal(content, &all)); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range all {
		if c.Properties.Name == "impulse" {
			_, _, _ = s.call(ctx, http.MethodDelete, "/api/connections/"+url.PathEscape(c.Name), nil) // It may be gone.
		}
	}
}

func (s *testServer) testRotatedPasswordIsUsedForNextReading(t *testing.T) {
	s.both(t, func(t *testing.T, metadata map[string]string) {
		s.permit("rotated", "management")
		var current atomic.Pointer[string]
		first, second := password, "second"
		current.Store(&first)
		env := environment(nil)
		env.Secrets = triggertest.SecretsFunc(func(_ context.Context, parameter string) (string, error) {
			return map[string]string{"username": "rotated", "password": *current.Load()}[parameter], nil
		})
		next := reading(t, env, metadata)
		expect(t, next(t.Context()), "3")
		s.admin("PUT", "/api/users/rotated", map[string]any{"password": second, "tags": "management"})
		current.Store(&second)
		expect(t, next(t.Context()), "3")
		current.Store(&first)
		if got := next(t.Context()); !strings.Contains(strings.ToLower(got), "refuse") {
			t.Errorf("with the old password: got %s, want a refusal", got)
		}
		current.Store(&second)
		expect(t, next(t.Context()), "3")
	})
}

func (s *testServer) testFrozenServerIsUnknown(t *testing.T) {
	s.both(t, func(t *testing.T, metadata map[string]string) {
		next := reading(t, environment(admins()), with(metadata, "timeout", "1m"))
		expect(t, next(t.Context()), "3")
		s.Signal(syscall.SIGSTOP)
		defer s.Signal(syscall.SIGCONT)
		late := reading(t, environment(admins()), with(metadata, "timeout", "200ms"))
		for range 2 {
			expect(t, late(t.Context()), "no answer within 200ms")
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("enough"))
		defer cancel()
		expect(t, next(ctx), "enough")
		s.Signal(syscall.SIGCONT)
		expect(t, next(t.Context()), "3")
		until(t, late, "3")
	})
}

func (s *testServer) testRefusedAddressIsUnknown(t *testing.T) {
	env := environment(admins())
	env.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("refused as the address of a source")
	}
	want := "read queue orders at " + s.amqp + ": connect: refused as the address of a source"
	if got := read(t, env, s.metadata()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func (s *testServer) testServerLogsNoErrorWhenTriggerEnds(t *testing.T) {
	s.permit("polite", "")
	env := environment(map[string]string{"username": "polite", "password": password})
	t.Run("the trigger ends", func(t *testing.T) {
		if got := read(t, env, s.metadata()); got != "3" {
			t.Errorf("got %s, want 3", got)
		}
	})
	// A connection that breaks off is logged before a later refusal.
	_ = read(t, environment(map[string]string{"username": "impolite", "password": password}), s.metadata())
	testkit.Eventually(t, "the refusal is logged", func(context.Context) bool { return strings.Contains(s.LogTail(64<<10), "impolite") })
	if log := s.LogTail(64 << 10); strings.Contains(log, "user: 'polite'") || strings.Contains(log, "polite, ") {
		t.Errorf("the server logged:\n%s", log)
	}
}
