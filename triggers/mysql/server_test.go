package mysql

import (
	"context"
	"database/sql"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

const (
	account = "mysql"
	// password is that of the users admin and reader.
	password = "correct horse"
)

// server is a real MariaDB with the database shop, which the user reader may read and write.
type server struct {
	*testkit.Process
	t       *testing.T
	binary  string
	dir     string
	address string
	options []string
}

// start starts a server on a free address.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{
		t: t, binary: debian.Program(t, "mariadb-server", "/usr/sbin/mariadbd"), dir: t.TempDir(), address: testkit.FreeAddress(t),
	}
	s.own(s.dir)
	created := debian.Start(t, "mariadb-install-db", account, debian.Program(t, "mariadb-server", "/usr/bin/mariadb-install-db"), "--no-defaults",
		"--datadir="+filepath.Join(s.dir, "data"), "--auth-root-authentication-method=normal", "--skip-test-db")
	if err := created.Wait(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, created.LogTail(4<<10))
	}
	// The first statements create the users, before the server answers.
	setup := filepath.Join(s.dir, "setup.sql")
	write(t, setup, "CREATE DATABASE shop;\n"+
		"CREATE USER admin@'127.0.0.1' IDENTIFIED BY '"+password+"';\nGRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;\n"+
		"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '"+password+"';\nGRANT ALL ON shop.* TO reader@'127.0.0.1';\n")
	s.own(setup)
	s.restart("--init-file=" + setup)
	s.admin("CREATE TABLE jobs (id int, state text)", "INSERT INTO jobs VALUES (1, 'waiting'), (2, 'waiting'), (3, 'waiting')")
	return s
}

// own gives files to the user of the server, if this process is root, and makes their folder accessible.
func (s *server) own(paths ...string) {
	s.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	found, err := user.Lookup(account)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := strconv.Atoi(found.Uid)
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

// restart starts the server, or starts it again after it was killed, and waits until it answers.
func (s *server) restart(options ...string) {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	args := append([]string{
		"--no-defaults", "--datadir=" + filepath.Join(s.dir, "data"), "--bind-address=" + host, "--port=" + port,
		"--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
	}, s.options...)
	s.Process = debian.Start(s.t, "mariadbd", account, s.binary, append(args, options...)...)
	s.Eventually("it answers", func(ctx context.Context) bool {
		db := s.open()
		defer func() { _ = db.Close() }()
		return db.PingContext(ctx) == nil
	})
}

// open returns a client of the user admin.
func (s *server) open() *sql.DB {
	c := driver.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.Logger = "admin", password, "tcp", s.address, "shop", &driver.NopLogger{}
	connector, err := driver.NewConnector(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return sql.OpenDB(connector)
}

// admin runs statements as the user admin.
func (s *server) admin(statements ...string) {
	s.t.Helper()
	db := s.open()
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// queryValue returns the value of a query of the user admin. It ignores the deadline of ctx: a busy server may accept a connection late.
func (s *server) queryValue(ctx context.Context, query string) string {
	s.t.Helper()
	db := s.open()
	defer func() { _ = db.Close() }()
	var text string
	if err := db.QueryRowContext(context.WithoutCancel(ctx), query).Scan(&text); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return text
}

func (s *server) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// metadata returns the metadata of a trigger that reads from the server, with changes given as keys and values in turn.
func (s *server) metadata(changes ...string) map[string]string {
	m := map[string]string{
		"host": "127.0.0.1", "port": s.port(), "username": "reader", "dbName": "shop",
		"query": "SELECT count(*) FROM jobs WHERE state = 'waiting'", "queryValue": "1",
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
	return readingOf(t, env, decoded(t, metadata))
}

// readingOf is like reading for a config.
func readingOf(t *testing.T, env triggers.Env, c Config) (scalers.Milli, error) {
	t.Helper()
	env.PollingInterval = time.Hour
	e := <-run(t, env, c)
	return e.Value, e.Err
}

func decoded(t *testing.T, metadata map[string]string) Config {
	t.Helper()
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	config, ok := c.(Config)
	if !ok {
		t.Fatalf("the config is a %T", c)
	}
	return config
}

// run runs a trigger until the test ends. The channel has its newest event.
func run(t *testing.T, env triggers.Env, c Config) <-chan scalers.Event {
	t.Helper()
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
