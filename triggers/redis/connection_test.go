package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestConnection(t *testing.T) {
	t.Run("a server that was restarted is read without a failed reading", testServerThatWasRestartedIsReadWithoutFailedReading)
	t.Run("a server that hangs is unknown until it recovers", testServerThatHangsIsUnknownUntilItRecovers)
	t.Run("a reading ends with its context while the server hangs", testReadingEndsWithItsContextWhileServerHangs)
	t.Run("triggers share connections and leave none behind", testTriggersShareConnectionsAndLeaveNoneBehind)
	t.Run("all sockets are opened by Env.Dial", testAllSocketsAreOpenedByEnvDial)
	t.Run("a closed connection is unknown", testClosedConnectionIsUnknown)
	t.Run("the number of servers is bounded", testNumberOfServersIsBounded)
}

// connections returns the number of connections of a user to the server, besides that of the test itself.
func (s *server) connections(ctx context.Context, user string) int {
	list, _ := s.client.Do(ctx, "CLIENT", "LIST", "TYPE", "NORMAL").Text()
	n := 0
	for line := range strings.Lines(list) {
		if strings.Contains(line, " user="+user+" ") && !strings.Contains(line, " cmd=client") {
			n++
		}
	}
	return n
}

func testServerThatWasRestartedIsReadWithoutFailedReading(t *testing.T) {
	s := start(t)
	s.do("RPUSH", "jobs", 1, 2)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	for range 2 {
		expect(t, r, "2")
		s.Kill()
		s.restart()
	}
	expect(t, r, "2")
	s.Kill()
	expectUnknown(t, r, "read key jobs: "+s.address+": dial tcp "+s.address+": connect: connection refused")
}

func testServerThatHangsIsUnknownUntilItRecovers(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	expect(t, r, "0")
	s.Signal(syscall.SIGSTOP)
	expectUnknown(t, r, s.address+": no answer within 3s")
	s.Signal(syscall.SIGCONT)
	expect(t, r, "0")
}

func testReadingEndsWithItsContextWhileServerHangs(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	expect(t, r, "0")
	s.Signal(syscall.SIGSTOP)
	defer s.Signal(syscall.SIGCONT)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the slot was given away")
	ended := make(chan error)
	go func() {
		_, err := r.Read(ctx)
		ended <- err
	}()
	testkit.Eventually(t, "the reading has begun", func(context.Context) bool {
		r.connection.mu.Lock()
		defer r.connection.mu.Unlock()
		return r.connection.session.users > 0
	})
	cancel(cause)
	select {
	case err := <-ended:
		if !errors.Is(err, cause) {
			t.Errorf("Read returned %v, want %v", err, cause)
		}
	case <-time.After(exchangeTimeout / 2):
		t.Fatal("Read waits until the request times out")
	}
	closed := make(chan struct{})
	go func() {
		_ = r.connection.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(exchangeTimeout / 2):
		t.Fatal("Close waits until the request times out")
	}
}

// runAll runs sources of one process until stop is called, and returns their latest events by trigger.
func runAll(t *testing.T, env triggers.Env, all map[string]map[string]string) (latest func(trigger string) string, stop func()) {
	t.Helper()
	env.Poller, env.Pool, env.PollingInterval, env.Now = triggers.NewPoller(4, 4), triggers.NewPool(), 250*time.Millisecond, time.Now
	events := make(chan scalers.Event, 1024)
	levels := map[string]string{}
	stopPoller := testkit.Background(t, env.Poller.Run)
	var stops []func()
	for name, metadata := range all {
		c, err := Redis().Decode(metadata)
		if err != nil {
			t.Fatal(err)
		}
		env.Trigger = name
		source, err := Redis().Open(c, env)
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, testkit.Background(t, func(ctx context.Context) error {
			return source.Run(ctx, func(e scalers.Event) {
				select {
				case events <- e:
				default:
				}
			})
		}))
	}
	latest = func(trigger string) string {
		for {
			select {
			case e := <-events:
				levels[e.Trigger] = fmt.Sprint(e.Value, " ", e.Err)
			default:
				return levels[trigger]
			}
		}
	}
	return latest, func() {
		for _, stop := range stops {
			stop()
		}
		stopPoller()
	}
}

func testTriggersShareConnectionsAndLeaveNoneBehind(t *testing.T) {
	s := start(t)
	all := map[string]map[string]string{}
	for i := range 40 {
		name := fmt.Sprint("jobs-", i)
		s.do("RPUSH", name, 1)
		all[name] = s.metadata("listName", name)
	}
	latest, stop := runAll(t, triggers.Env{}, all)
	for name := range all {
		testkit.Eventually(t, name+" is read", func(context.Context) bool { return latest(name) == "1 <nil>" })
	}
	if n := s.connections(t.Context(), "default"); n > poolSize {
		t.Errorf("there are %d connections for 40 triggers, want at most %d", n, poolSize)
	}
	stop()
	s.Eventually("no connection is left", func(ctx context.Context) bool { return s.connections(ctx, "default") == 0 })
}

func testAllSocketsAreOpenedByEnvDial(t *testing.T) {
	s := start(t)
	refused := errors.New("this address is not allowed")
	for _, allowed := range []bool{true, false} {
		env := triggers.Env{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !allowed {
				return nil, refused
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
		latest, stop := runAll(t, env, map[string]map[string]string{"jobs": s.metadata("listName", "jobs")})
		want := "0 <nil>"
		if !allowed {
			want = "0 read key jobs: " + s.address + ": " + refused.Error()
		}
		testkit.Eventually(t, "the event is "+want, func(context.Context) bool { return latest("jobs") == want })
		stop()
	}
}

func testClosedConnectionIsUnknown(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	expect(t, r, "0")
	_ = r.connection.Close()
	expectUnknown(t, r, errClosed.Error())
}

func testNumberOfServersIsBounded(t *testing.T) {
	s := newSession(access{}, nil)
	defer s.close()
	for i := range 2 * maxNodes {
		if _, err := s.client(node{address: fmt.Sprint("redis-", i, ":6379")}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.clients) > maxNodes {
		t.Errorf("the session has %d clients, want at most %d", len(s.clients), maxNodes)
	}
}
