package postgresql

import (
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

const (
	superuser = "postgres"
	// password is that of the users postgres and reader.
	password = "correct horse"
	tables   = `
CREATE ROLE reader LOGIN PASSWORD 'correct horse';
CREATE TABLE jobs (id int, state text);
CREATE SEQUENCE numbers;
GRANT ALL ON ALL TABLES IN SCHEMA public TO reader;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reader;
GRANT ALL ON SCHEMA public TO reader;
INSERT INTO jobs SELECT i, 'waiting' FROM generate_series(1, 3) i;`
)

// server is a real PostgreSQL server with the database shop, which the user reader may read and write.
type server struct {
	*testkit.Process
	t       *testing.T
	binary  string
	dir     string
	address string
	options []string
}

// start starts a server on a free address.
func start(t *testing.T, options ...string) *server {
	t.Helper()
	initdb := debian.Program(t, "postgresql-15", "/usr/lib/postgresql/*/bin/initdb")
	s := &server{t: t, binary: filepath.Join(filepath.Dir(initdb), "postgres"), dir: t.TempDir(), address: testkit.FreeAddress(t), options: options}
	file := filepath.Join(s.dir, "password")
	write(t, file, password)
	s.own(s.dir, file)
	created := debian.Start(t, "initdb", superuser, initdb, "--pgdata", filepath.Join(s.dir, "data"), "--username", superuser,
		"--auth", "scram-sha-256", "--pwfile", file, "--encoding", "UTF8", "--no-sync")
	if err := created.Wait(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, created.LogTail(4<<10))
	}
	s.restart()
	s.admin("postgres", "CREATE DATABASE shop")
	s.admin("shop", tables)
	return s
}

// own gives files to the user of the server, if this process is root, and makes their folder accessible.
func (s *server) own(paths ...string) {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	account, err := user.Lookup(superuser)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := strconv.Atoi(account.Uid)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range paths {
		if err := os.Chown(path, id, -1); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(s.dir), 0o711); err != nil {
		s.t.Fatal(err)
	}
}

// crash ends the server at once, without a checkpoint. After SIGKILL, its other processes would still use its memory for a while.
func (s *server) crash() {
	s.t.Helper()
	s.Signal(syscall.SIGQUIT)
	_ = s.Wait() // It may exit with an error.
}

// restart starts the server again after a crash, and waits until it answers.
func (s *server) restart() {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{"-D", filepath.Join(s.dir, "data"), "-h", host, "-p", port, "-k", "", "-F"}
	for _, o := range s.options {
		args = append(args, "-c", o)
	}
	s.Process = debian.Start(s.t, "postgres", superuser, s.binary, args...)
	s.Eventually("it answers", func(ctx context.Context) bool {
		conn, err := pgconn.Connect(ctx, s.url(superuser, "postgres"))
		if err != nil {
			return false
		}
		return conn.Close(ctx) == nil
	})
}

func (s *server) url(user, name string) string {
	return "host=127.0.0.1 port=" + s.port() + " user=" + user + " password='" + password + "' dbname=" + name + " sslmode=prefer"
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// admin runs statements as the superuser and returns the last value.
func (s *server) admin(name, statements string) string {
	s.t.Helper()
	return s.execute(s.t.Context(), name, statements)
}

// execute is like admin with a context. It ignores the deadline of ctx: a busy server may accept a connection late.
func (s *server) execute(ctx context.Context, name, statements string) string {
	s.t.Helper()
	ctx = context.WithoutCancel(ctx)
	conn, err := pgconn.Connect(ctx, s.url(superuser, name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, statements).ReadAll()
	if err != nil {
		s.t.Fatalf("%s: %v", statements, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// metadata returns the metadata of a trigger that reads from the server, with changes given as keys and values in turn.
func (s *server) metadata(changes ...string) map[string]string {
	m := map[string]string{
		"host": "127.0.0.1", "port": s.port(), "userName": "reader", "dbName": "shop", "sslmode": "disable",
		"query": "SELECT count(*) FROM jobs WHERE state = 'waiting'", "targetQueryValue": "1",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
	}
	return m
}

// environment returns an Env with the given secrets, which may change.
func environment(secrets map[string]string) triggers.Env {
	return triggers.Env{
		Pool: triggers.NewPool(), Credentials: "test",
		Secrets: triggertest.Secrets(secrets),
	}
}

// reading runs a trigger until its first event, and returns that.
func reading(t *testing.T, env triggers.Env, metadata map[string]string) (scalers.Milli, error) {
	t.Helper()
	env.PollingInterval = time.Hour
	e := <-run(t, env, metadata)
	return e.Value, e.Err
}

// run runs a trigger until the test ends. The channel has its newest event.
func run(t *testing.T, env triggers.Env, metadata map[string]string) <-chan scalers.Event {
	t.Helper()
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	if env.Poller == nil {
		env.Poller = triggers.NewPoller(8, 8)
		testkit.Background(t, env.Poller.Run)
	}
	source, err := Kind().Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan scalers.Event, 1)
	testkit.Background(t, func(ctx context.Context) error {
		return source.Run(ctx, func(e scalers.Event) {
			select {
			case <-events:
			default:
			}
			events <- e
		})
	})
	return events
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signal sends a signal to a process of the server.
func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

func mustInt(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
