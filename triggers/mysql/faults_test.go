package mysql

import (
	"context"
	"errors"
	"math"
	"net"
	"strconv"
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
	t.Run("the server does not log an aborted connection", s.testServerDoesNotLogAbortedConnection)
	t.Run("the server ends a query that takes too long", s.testServerEndsQueryThatTakesTooLong)
	t.Run("a shorter time limit of the server remains", s.testShorterTimeLimitOfServerRemains)
	t.Run("a table that is dropped makes the level unknown until it exists again", s.testTableThatIsDroppedMakesLevelUnknownUntilItExistsAgain)
	t.Run("a rotated password is used for the next reading without an error", s.testRotatedPasswordIsUsedForNextReadingWithoutError)
	t.Run("triggers with the same credentials share connections", s.testTriggersWithSameCredentialsShareConnections)
	t.Run("a connection that the server closed is replaced without an error", s.testConnectionThatServerClosedIsReplacedWithoutError)
	t.Run("a frozen server is unknown, and a reading ends in time", s.testFrozenServerIsUnknownAndReadingEndsInTime)
	t.Run("half an answer is unknown", s.testHalfAnswerIsUnknown)
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

// user creates a user who may read the database shop.
func (s *server) user(name, secret string) {
	s.t.Helper()
	s.admin("CREATE USER "+name+"@'127.0.0.1' IDENTIFIED BY '"+secret+"'", "GRANT SELECT ON shop.* TO "+name+"@'127.0.0.1'")
}

func (s *server) testRefusalOfServerHasItsReason(t *testing.T) {
	s.user("full", password)
	s.admin("GRANT USAGE ON *.* TO full@'127.0.0.1' WITH MAX_QUERIES_PER_HOUR 1")
	for _, c := range []struct {
		want    string
		changes []string
	}{
		{"connect: the server refuses the user or the password (error 1045)", []string{"username", "nobody"}},
		{"connect: the server refuses the user for this database (error 1044)", []string{"dbName", "lost"}},
		{"the server has no connection left for this user, or the user has used up another limit (error 1226)", []string{"username", "full"}},
		{"connect: TLS requested but server does not support TLS", []string{"tls", "true"}},
		{"SELECT command denied to user", []string{"query", "SELECT count(*) FROM mysql.user"}},
	} {
		_, err := reading(t, environment(map[string]string{"password": password}), s.metadata(c.changes...))
		if want := "query " + s.address + ": " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	secrets := map[string]string{"connectionString": "reader:wrong battery@tcp(" + s.address + ")/shop"}
	_, err := reading(t, environment(secrets), map[string]string{"query": "SELECT 1", "queryValue": "1"})
	want := "query the database of the authenticationRef: connect: the server refuses the user or the password (error 1045)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func (s *server) testServerDoesNotLogAbortedConnection(t *testing.T) {
	s.user("polite", password)
	const aborted = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Aborted_clients'"
	before := s.queryValue(t.Context(), aborted)
	t.Run("the trigger ends", func(t *testing.T) {
		if v, err := reading(t, environment(map[string]string{"password": password}), s.metadata("username", "polite")); err != nil || v != 3000 {
			t.Errorf("got %v, %v, want 3", v, err)
		}
	})
	testkit.Eventually(t, "the connection is closed", func(ctx context.Context) bool { return s.connections(ctx, "polite") == "" })
	if after := s.queryValue(t.Context(), aborted); after != before {
		t.Errorf("%s connections are aborted, want %s", after, before)
	}
}

// slow is a query that takes hours.
const slow = "SELECT count(*) /* slow */ FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, information_schema.COLLATIONS c, " +
	"information_schema.COLLATIONS d, information_schema.COLLATIONS e"

func (s *server) testServerEndsQueryThatTakesTooLong(t *testing.T) {
	for _, query := range []string{slow, "SELECT sleep(3600) /* slow */"} {
		env := environment(map[string]string{"password": password})
		env.PollingInterval = 500 * time.Millisecond
		events := run(t, env, decoded(t, s.metadata("query", query)))
		eventually(t, events, "the server ends the query", unknownWith("the server ended the query: it took too long (error 1969)"))
		testkit.Eventually(t, "at most the query of the current reading runs", func(ctx context.Context) bool {
			return s.queryValue(ctx, "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'reader' AND INFO LIKE '%slow%'") <= "1"
		})
	}
}

func (s *server) testShorterTimeLimitOfServerRemains(t *testing.T) {
	defer s.admin("SET GLOBAL max_statement_time = 0")
	for _, c := range []struct {
		global      string
		least, most scalers.Milli
	}{{"0", 5000, 27_000}, {"4.321", 4321, 4321}, {"50", 5000, 27_000}} { // It is shorter the later the connection is open.
		s.admin("SET GLOBAL max_statement_time = " + c.global)
		v, err := reading(t, environment(map[string]string{"password": password}), s.metadata("query", "SELECT @@SESSION.max_statement_time"))
		if err != nil || v < c.least || v > c.most {
			t.Errorf("with the limit %s of the server: got %v, %v, want %v to %v", c.global, v, err, c.least, c.most)
		}
	}
}

func (s *server) testTableThatIsDroppedMakesLevelUnknownUntilItExistsAgain(t *testing.T) {
	s.admin("CREATE TABLE brief AS SELECT * FROM jobs")
	env := environment(map[string]string{"password": password})
	env.PollingInterval = 250 * time.Millisecond
	events := run(t, env, decoded(t, s.metadata("query", "SELECT count(*) FROM brief")))
	eventually(t, events, "the level is known", known)
	s.admin("DROP TABLE brief")
	eventually(t, events, "the level is unknown", unknownWith("Table 'shop.brief' doesn't exist"))
	s.admin("CREATE TABLE brief AS SELECT * FROM jobs")
	eventually(t, events, "the level is known again", known)
}

// connections returns the identifiers of a user's connections.
func (s *server) connections(ctx context.Context, user string) string {
	return s.queryValue(ctx, "SELECT COALESCE(GROUP_CONCAT(ID ORDER BY ID), '') FROM information_schema.PROCESSLIST WHERE USER = '"+user+"'")
}

// connection waits until a user has one connection, and returns its identifier.
func (s *server) connection(t *testing.T, user string) (id string) {
	t.Helper()
	testkit.Eventually(t, user+" has one connection", func(ctx context.Context) bool {
		id = s.connections(ctx, user)
		return id != "" && !strings.Contains(id, ",")
	})
	return id
}

func (s *server) testRotatedPasswordIsUsedForNextReadingWithoutError(t *testing.T) {
	s.user("rotated", "old")
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
	events := run(t, env, decoded(t, s.metadata("username", "rotated")))
	eventually(t, events, "the level is known", succeeded)
	first := s.connection(t, "rotated")
	s.admin("ALTER USER rotated@'127.0.0.1' IDENTIFIED BY 'new'")
	current.Store(&replaced)
	rotated = scalers.InstantOf(time.Now())
	testkit.Eventually(t, "the connection is replaced", func(ctx context.Context) bool {
		now := s.connections(ctx, "rotated")
		return now != "" && now != first && !strings.Contains(now, ",")
	})
	eventually(t, events, "the level is known with the new password", succeeded)
}

func (s *server) testTriggersWithSameCredentialsShareConnections(t *testing.T) {
	s.user("shared", password)
	env := environment(map[string]string{"password": password})
	env.PollingInterval = time.Hour // A reading that is cut off would leave a connection behind for a while.
	env.Poller = triggers.NewPoller(64, 64)
	testkit.Background(t, env.Poller.Run)
	var all []<-chan scalers.Event
	for i := range 20 {
		all = append(all, run(t, env, decoded(t, s.metadata("username", "shared", "query", "SELECT 3 + 0 * "+strconv.Itoa(i)))))
	}
	for _, events := range all {
		eventually(t, events, "each level is known", known)
	}
	if n := strings.Count(s.connections(t.Context(), "shared"), ",") + 1; n > 4 {
		t.Errorf("20 triggers use %d connections, want at most 4", n)
	}
}

func (s *server) testConnectionThatServerClosedIsReplacedWithoutError(t *testing.T) {
	s.user("closed", password)
	env := environment(map[string]string{"password": password})
	env.PollingInterval = time.Hour // After its only reading, the connection is idle.
	eventually(t, run(t, env, decoded(t, s.metadata("username", "closed"))), "the level is known", known)
	s.admin("KILL " + s.connection(t, "closed"))
	testkit.Eventually(t, "the connection is closed", func(ctx context.Context) bool { return s.connections(ctx, "closed") == "" })
	if v, err := reading(t, env, s.metadata("username", "closed")); err != nil || v != 3000 {
		t.Errorf("the next reading of a trigger with the same connections: got %v, %v, want 3", v, err)
	}
}

func (s *server) testFrozenServerIsUnknownAndReadingEndsInTime(t *testing.T) {
	env := environment(map[string]string{"password": password})
	env.PollingInterval = 500 * time.Millisecond
	events := run(t, env, decoded(t, s.metadata()))
	eventually(t, events, "the level is known", known)
	s.Signal(syscall.SIGSTOP)
	eventually(t, events, "the level is unknown", unknownWith("no answer within 500ms"))
	s.Signal(syscall.SIGCONT)
	eventually(t, events, "the level is known again", known)
}

func (s *server) testHalfAnswerIsUnknown(t *testing.T) {
	read := func(bytes int64) (v scalers.Milli, delivered int64, err error) {
		half := &testkit.HalfAnswer{Bytes: bytes}
		t.Run("", func(t *testing.T) { // The connection is closed at its end.
			env := environment(map[string]string{"password": password})
			env.Dial = half.Dial
			v, err = reading(t, env, s.metadata())
			delivered = half.Delivered()
		})
		return v, delivered, err
	}
	v, whole, err := read(math.MaxInt64)
	if v != 3000 || err != nil || whole == 0 {
		t.Fatalf("the whole answer: got %v, %v, and %d bytes; want 3", v, err, whole)
	}
	const end = 11 // The length of the answer to the end of the transaction, which follows the whole level.
	for bytes := range whole - end {
		if v, _, err := read(bytes); err == nil {
			t.Errorf("%d of %d bytes: got %v, want unknown", bytes, whole, v)
		}
	}
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
