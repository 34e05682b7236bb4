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
	testkit.Eventually(t, "the level is known again", func(ctx context.Context) bool {
		got, err := r.Read(ctx)
		return err == nil && got.unknown == nil && got.value == 0
	})
}

func testReadingEndsWithItsContextWhileServerHangs(t *testing.T) {
	s := start(t)
	var reading, closing time.Duration
	for range 5 { // A busy machine may delay an attempt.
		if reading, closing = s.timesToEnd(t); max(reading, closing) < exchangeTimeout/2 {
			return
		}
	}
	t.Errorf("Read ended after %s, and Close after %s; want that they do not wait until the request times out", reading, closing)
}

// timesToEnd begins a reading while the server hangs, ends its context, and then closes its connection. It returns how long both take.
func (s *server) timesToEnd(t *testing.T) (reading, closing time.Duration) {
	t.Helper()
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	expect(t, r, "0")
	s.Signal(syscall.SIGSTOP)
	defer s.Signal(syscall.SIGCONT)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the slot was given away")
	began, ended := time.Now(), make(chan error, 1)
	go func() {
		_, err := r.Read(ctx)
		ended <- err
	}()
	testkit.Eventually(t, "the reading has begun", func(context.Context) bool {
		r.connection.mu.Lock()
		defer r.connection.mu.Unlock()
		return r.connection.session.users > 0 || len(ended) > 0
	})
	canceled := time.Now()
	cancel(cause)
	if err := <-ended; !errors.Is(err, cause) && time.Since(began) < exchangeTimeout {
		t.Errorf("Read returned %v, want %v", err, cause)
	}
	closed := time.Now()
	_ = r.connection.Close()
	return closed.Sub(canceled), time.Since(closed)
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
	var n int
	few := func(ctx context.Context) bool { // The server may still know a connection of a reading that was cut off.
		n = s.connections(ctx, "default")
		return n > 0 && n <= poolSize
	}
	if !testkit.Poll(t, few) {
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
