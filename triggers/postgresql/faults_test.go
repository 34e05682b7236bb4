package postgresql

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestFaults(t *testing.T) {
	s := start(t)
	t.Run("a refusal of the server has its reason", s.testRefusalOfServerHasItsReason)
	t.Run("the server ends a query that takes too long", s.testServerEndsQueryThatTakesTooLong)
	t.Run("a shorter time limit of the user remains", s.testShorterTimeLimitOfUserRemains)
	t.Run("a table that is dropped makes the level unknown until it exists again", s.testTableThatIsDroppedMakesLevelUnknownUntilItExistsAgain)
	t.Run("a rotated password is used for the next reading without an error", s.testRotatedPasswordIsUsedForNextReadingWithoutError)
	t.Run("triggers with the same credentials share connections", s.testTriggersWithSameCredentialsShareConnections)
	t.Run("a connection that the server closed is replaced without an error", s.testConnectionThatServerClosedIsReplacedWithoutError)
	t.Run("a frozen server is unknown, and a reading ends in time", s.testFrozenServerIsUnknownAndReadingEndsInTime)
	t.Run("a refused address is unknown", s.testRefusedAddressIsUnknown)
}

// eventually waits for an event for which ok is true.
func eventually(t *testing.T, events <-chan scalers.Event, what string, ok func(scalers.Event) bool) {
	t.Helper()
	deadline := time.After(testkit.Timeout)
	for {
		select {
		case e := <-events:
			if ok(e) {
				return
			}
		case <-deadline:
			t.Fatalf("waited %s for: %s", testkit.Timeout, what)
		}
	}
}

func known(e scalers.Event) bool { return e.Err == nil && e.Value == 3000 }

func unknownWith(reason string) func(scalers.Event) bool {
	return func(e scalers.Event) bool { return e.Err != nil && strings.Contains(e.Err.Error(), reason) }
}

func (s *server) testRefusalOfServerHasItsReason(t *testing.T) {
	s.admin("postgres", "CREATE ROLE full LOGIN PASSWORD 'correct horse' CONNECTION LIMIT 0")
	for want, m := range map[string]map[string]string{
		"connect: the server refuses the user or the password (SQLSTATE 28P01)":     s.metadata("userName", "nobody"),
		"connect: the database does not exist (SQLSTATE 3D000)":                     s.metadata("dbName", "lost"),
		"connect: the server has no connection left for this user (SQLSTATE 53300)": s.metadata("userName", "full"),
		"connect: tls error: server refused TLS connection":                         s.metadata("sslmode", "require"),
		"permission denied for table pg_authid (SQLSTATE 42501)":                    s.metadata("query", "SELECT count(*) FROM pg_authid"),
		"invalid input syntax for type integer: \"many\\nlines\" (SQLSTATE 22P02)":  s.metadata("query", "SELECT E'many\\nlines'::int"),
	} {
		_, err := reading(t, environment(map[string]string{"password": password}), m)
		if want = "query " + s.address + ": " + want; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for name, secrets := range map[string]map[string]string{
		"single parameters":   {"host": "127.0.0.1", "port": s.port(), "userName": "reader", "dbName": "shop", "sslmode": "disable", "password": "wrong battery"},
		"a connection string": {"connection": "postgres://reader:wrong%20battery@" + s.address + "/shop"},
	} {
		_, err := reading(t, environment(secrets), map[string]string{"query": "SELECT 1", "targetQueryValue": "1"})
		want := "query the database of the authenticationRef: connect: the server refuses the user or the password (SQLSTATE 28P01)"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func (s *server) testServerEndsQueryThatTakesTooLong(t *testing.T) {
	env := environment(map[string]string{"password": password})
	env.PollingInterval = 500 * time.Millisecond
	events := run(t, env, s.metadata("query", "SELECT count(*) FROM pg_sleep(3600)"))
	eventually(t, events, "the server ends the query", unknownWith("the server ended the query"))
	testkit.Eventually(t, "at most the query of the current reading runs", func(ctx context.Context) bool {
		return s.execute(ctx, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(3600)' AND "+
			"query NOT LIKE '%pg_stat_activity%'") <= "1"
	})
}

func (s *server) testShorterTimeLimitOfUserRemains(t *testing.T) {
	s.admin("postgres", "CREATE ROLE hasty LOGIN PASSWORD 'correct horse'; ALTER ROLE hasty SET statement_timeout = '4321ms'")
	for _, c := range []struct {
		user        string
		least, most scalers.Milli
	}{{"hasty", 4321_000, 4321_000}, {"reader", 5_000_000, 27_000_000}} { // It is shorter the later the connection is open.
		v, err := reading(t, environment(map[string]string{"password": password}), s.metadata("userName", c.user,
			"query", "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"))
		if err != nil || v < c.least || v > c.most {
			t.Errorf("%s: the limit in milliseconds is %v, %v, want %v to %v", c.user, v, err, c.least, c.most)
		}
	}
}

func (s *server) testTableThatIsDroppedMakesLevelUnknownUntilItExistsAgain(t *testing.T) {
	s.admin("shop", "CREATE TABLE brief AS SELECT * FROM jobs; GRANT SELECT ON brief TO reader")
	env := environment(map[string]string{"password": password})
	env.PollingInterval = 250 * time.Millisecond
	events := run(t, env, s.metadata("query", "SELECT count(*) FROM brief"))
	eventually(t, events, "the level is known", known)
	s.admin("shop", "DROP TABLE brief")
	eventually(t, events, "the level is unknown", unknownWith(`relation "brief" does not exist`))
	s.admin("shop", "CREATE TABLE brief AS SELECT * FROM jobs; GRANT SELECT ON brief TO reader")
	eventually(t, events, "the level is known again", known)
}

func (s *server) testRotatedPasswordIsUsedForNextReadingWithoutError(t *testing.T) {
	s.admin("postgres", "CREATE ROLE rotated LOGIN PASSWORD 'old'; GRANT pg_read_all_data TO rotated")
	var current atomic.Pointer[string]
	old, replaced := "old", "new"
	current.Store(&old)
	env := environment(nil)
	env.PollingInterval = time.Second
	env.Secrets = triggertest.SecretsFunc(func(_ context.Context, parameter string) (string, error) {
		if parameter == "password" {
			return *current.Load(), nil
		}
		return "", nil
	})
	late, ended, refused := unknownWith("no answer within"), unknownWith("it took too long"), unknownWith("refuses the user or the password")
	var rotated scalers.Instant
	succeeded := func(e scalers.Event) bool { // A busy server may be slow, and a reading may have begun with the old password.
		if e.Err != nil && !late(e) && !ended(e) && (!refused(e) || e.At >= rotated) {
			t.Errorf("a reading failed: %v", e.Err)
		}
		return known(e)
	}
	events := run(t, env, s.metadata("userName", "rotated"))
	eventually(t, events, "the level is known", succeeded)
	first := s.backend(t, "rotated")
	s.admin("postgres", "ALTER ROLE rotated PASSWORD 'new'")
	current.Store(&replaced)
	rotated = scalers.InstantOf(time.Now())
	testkit.Eventually(t, "the connection is replaced", func(ctx context.Context) bool {
		now := s.backends(ctx, "rotated")
		return now != "" && now != first && !strings.Contains(now, ",")
	})
	eventually(t, events, "the level is known with the new password", succeeded)
}

// backends returns the process identifiers of a user's connections.
func (s *server) backends(ctx context.Context, user string) string {
	return s.execute(ctx, "postgres", "SELECT coalesce(string_agg(pid::text, ',' ORDER BY pid), '') FROM pg_stat_activity WHERE usename = '"+user+"'")
}

// backend waits until a user has one connection, and returns its process identifier.
func (s *server) backend(t *testing.T, user string) (pid string) {
	t.Helper()
	testkit.Eventually(t, user+" has one connection", func(ctx context.Context) bool {
		pid = s.backends(ctx, user)
		return pid != "" && !strings.Contains(pid, ",")
	})
	return pid
}

func (s *server) testTriggersWithSameCredentialsShareConnections(t *testing.T) {
	s.admin("postgres", "CREATE ROLE shared LOGIN PASSWORD 'correct horse'")
	env := environment(map[string]string{"password": password})
	env.PollingInterval = time.Hour // A reading that is cut off would leave a connection behind for a while.
	env.Poller = triggers.NewPoller(64, 64)
	testkit.Background(t, env.Poller.Run)
	var all []<-chan scalers.Event
	for i := range 20 {
		all = append(all, run(t, env, s.metadata("userName", "shared", "query", "SELECT 3 /* "+string(rune('a'+i))+" */")))
	}
	for _, events := range all {
		eventually(t, events, "each level is known", known)
	}
	if n := strings.Count(s.backends(t.Context(), "shared"), ",") + 1; n > 4 {
		t.Errorf("20 triggers use %d connections, want at most 4", n)
	}
}

func (s *server) testConnectionThatServerClosedIsReplacedWithoutError(t *testing.T) {
	s.admin("postgres", "CREATE ROLE closed LOGIN PASSWORD 'correct horse'; GRANT pg_read_all_data TO closed")
	env := environment(map[string]string{"password": password})
	env.PollingInterval = time.Hour // After its only reading, the connection is idle.
	eventually(t, run(t, env, s.metadata("userName", "closed")), "the level is known", known)
	s.admin("postgres", "SELECT pg_terminate_backend("+s.backend(t, "closed")+")")
	testkit.Eventually(t, "the connection is closed", func(ctx context.Context) bool { return s.backends(ctx, "closed") == "" })
	if v, err := reading(t, env, s.metadata("userName", "closed")); err != nil || v != 3000 {
		t.Errorf("the next reading of a trigger with the same connections: got %v, %v, want 3", v, err)
	}
}

func (s *server) testFrozenServerIsUnknownAndReadingEndsInTime(t *testing.T) {
	env := environment(map[string]string{"password": password})
	env.PollingInterval = 3 * time.Second // No reading is cut off, and replaces its connection, before all are frozen.
	events := run(t, env, s.metadata())
	eventually(t, events, "the level is known", known)
	frozen := []int{mustInt(t, s.backend(t, "reader")), s.PID()}
	for _, pid := range frozen {
		signal(t, pid, syscall.SIGSTOP)
	}
	eventually(t, events, "the level is unknown", unknownWith("no answer within 3s"))
	for _, pid := range frozen {
		signal(t, pid, syscall.SIGCONT)
	}
	eventually(t, events, "the level is known again", known)
}

func (s *server) testRefusedAddressIsUnknown(t *testing.T) {
	refused := errors.New("it is on the list")
	env := environment(map[string]string{"password": password})
	env.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		if address != s.address {
			t.Errorf("it dials %s, want %s", address, s.address)
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: refused}
	}
	if _, err := reading(t, env, s.metadata()); err == nil || !strings.HasSuffix(err.Error(), ": connect: it is on the list") {
		t.Errorf("got %v, want the reason of Dial", err)
	}
}

func TestTLS(t *testing.T) {
	t.Run("the server is verified", testServerIsVerified)
}

// authority returns the certificate of an authority that signed nothing.
func authority(t *testing.T) string {
	t.Helper()
	return testkit.NewAuthority(t).PEM()
}

func testServerIsVerified(t *testing.T) {
	ca := testkit.NewAuthority(t)
	s := start(t)
	s.crash()
	cert, key := ca.Issue("localhost")
	files := []string{filepath.Join(s.dir, "cert"), filepath.Join(s.dir, "key"), filepath.Join(s.dir, "ca")}
	for i, content := range []string{cert, key, ca.PEM()} {
		write(t, files[i], content)
	}
	s.own(files...)
	s.options = []string{"ssl=on", "ssl_cert_file=" + files[0], "ssl_key_file=" + files[1], "ssl_ca_file=" + files[2]}
	write(t, filepath.Join(s.dir, "data", "pg_hba.conf"),
		"hostssl all shopper 127.0.0.1/32 cert\nhostssl all reader 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 scram-sha-256\n")
	s.restart()
	s.admin("postgres", "CREATE ROLE shopper LOGIN")
	clientCert, clientKey := ca.Issue("shopper")
	for _, c := range []struct {
		host, mode string
		secrets    map[string]string
		want       string
	}{
		{"localhost", "verify-full", map[string]string{"ca": ca.PEM(), "password": password}, ""},
		{"127.0.0.1", "verify-ca", map[string]string{"ca": ca.PEM(), "password": password}, ""},
		{"127.0.0.1", "require", map[string]string{"password": password}, ""},
		{"localhost", "verify-full", map[string]string{"ca": ca.PEM(), "cert": clientCert, "key": clientKey, "userName": "shopper"}, ""},
		{"127.0.0.1", "verify-full", map[string]string{"ca": ca.PEM(), "password": password}, "the certificate of the server is for another host"},
		{"localhost", "verify-full", map[string]string{"ca": authority(t), "password": password}, "certificate signed by unknown authority"},
		{"localhost", "verify-ca", map[string]string{"ca": authority(t), "password": password}, "certificate signed by unknown authority"},
		{"localhost", "verify-full", map[string]string{"password": password}, "certificate signed by unknown authority"},
		{"127.0.0.1", "disable", map[string]string{"password": password}, "without TLS (pg_hba.conf) (SQLSTATE 28000)"},
		{"localhost", "verify-full", map[string]string{"ca": "nonsense"}, "the credential ca is not a PEM certificate"},
	} {
		got := ""
		if _, err := reading(t, environment(c.secrets), s.metadata("host", c.host, "sslmode", c.mode, "query", "SELECT 1")); err != nil {
			got = err.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %s: got %q, want %q", c.mode, c.host, got, c.want)
		}
	}
}
