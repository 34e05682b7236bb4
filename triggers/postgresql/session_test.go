package postgresql

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

func TestSession(t *testing.T) {
	s := start(t)
	t.Run("a reading takes two round trips, also if it fails", s.testReadingTakesTwoRoundTrips)
	t.Run("a query cannot change the settings of a later one", s.testQueryCannotChangeSettingsOfLaterOne)
	t.Run("a reading that is cut off closes its session", s.testReadingThatIsCutOffClosesItsSession)
}

// connect opens a session as the user reader.
func (s *server) connect(t *testing.T, dial database.Dial) *session {
	t.Helper()
	c := Config{Host: "127.0.0.1", Port: s.port(), UserName: "reader", DBName: "shop", SSLMode: "disable"}
	opened, err := connect(t.Context(), c, database.Credentials{"password": password}, dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	own, ok := opened.(*session)
	if !ok {
		t.Fatalf("the session is a %T", opened)
	}
	return own
}

// countingConn counts how often it writes after it has read.
type countingConn struct {
	net.Conn

	turns *atomic.Int64
	read  atomic.Bool
}

// Read implements net.Conn.
func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.read.Store(true)
	}
	return n, err
}

// Write implements net.Conn.
func (c *countingConn) Write(b []byte) (int, error) {
	if c.read.Swap(false) {
		c.turns.Add(1)
	}
	return c.Conn.Write(b)
}

func (s *server) testReadingTakesTwoRoundTrips(t *testing.T) {
	var turns atomic.Int64
	session := s.connect(t, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &countingConn{Conn: conn, turns: &turns}, err
	})
	for query, want := range map[string]string{
		"SELECT count(*) FROM jobs":       "3",
		"SELECT id FROM jobs WHERE false": "the query returned no row",
		"SELECT 1/0":                      "division by zero (SQLSTATE 22012)",
		"SELEC 1":                         "syntax error",
		"SELECT 1, 2":                     "the query returns 2 columns",
		"COMMIT":                          "the query returns no row",
		"DELETE FROM jobs RETURNING id":   "cannot execute DELETE in a read-only transaction",
	} {
		for range 2 {
			before := turns.Load()
			got, err := session.Query(t.Context(), query, time.Minute)
			if err != nil {
				got = err.Error()
			}
			if n := turns.Load() - before; !strings.HasPrefix(got, want) || n != 2 {
				t.Errorf("%s: got %s after %d round trips, want %s after 2", query, got, n, want)
			}
		}
	}
	if status := session.conn.TxStatus(); session.conn.IsClosed() || status != idle {
		t.Errorf("the state of the connection is %c, want that it is idle", status)
	}
}

func (s *server) testQueryCannotChangeSettingsOfLaterOne(t *testing.T) {
	session := s.connect(t, nil)
	read := func(query string) string {
		t.Helper()
		text, err := session.Query(t.Context(), query, time.Minute)
		if err != nil {
			return err.Error()
		}
		return text
	}
	for _, c := range []struct{ setting, value string }{
		{"default_transaction_read_only", "off"}, {"statement_timeout", "0"}, {"search_path", "pg_catalog"},
	} {
		show := "SELECT current_setting('" + c.setting + "')"
		before := read(show)
		for _, local := range []string{"false", "true"} {
			_ = read("SELECT set_config('" + c.setting + "', '" + c.value + "', " + local + ")")
			if got := read(show); got != before {
				t.Errorf("%s is %s after a query that changes it, want %s", c.setting, got, before)
			}
		}
		if got, want := read("DELETE FROM jobs RETURNING id"), "cannot execute DELETE in a read-only transaction"; !strings.HasPrefix(got, want) {
			t.Errorf("after a query that changes %s: got %s, want %s", c.setting, got, want)
		}
	}
	if got := read("SELECT current_setting('transaction_read_only')"); got != "on" {
		t.Errorf("transaction_read_only is %s, want on", got)
	}
	if got := s.admin("shop", "SELECT count(*) FROM jobs"); got != "3" {
		t.Errorf("the table has %s rows, want 3", got)
	}
}

func (s *server) testReadingThatIsCutOffClosesItsSession(t *testing.T) {
	session := s.connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var reading sync.WaitGroup
	reading.Go(func() {
		if text, err := session.Query(ctx, "SELECT count(*) FROM pg_sleep(3600)", time.Hour); err == nil {
			t.Errorf("got %s, want an error", text)
		}
	})
	testkit.Eventually(t, "the query runs", func(ctx context.Context) bool {
		return s.execute(ctx, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT count(*) FROM pg_sleep(3600)' AND state = 'active'") == "1"
	})
	cancel()
	reading.Wait()
	if !session.conn.IsClosed() {
		t.Error("the connection is open, want that it is closed")
	}
}
