package source

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// startMySQL starts a MariaDB server with a row for each level.
func startMySQL(ctx context.Context, h *Host) ([]Source, error) {
	const account = "mysql"
	server, install := process.Find("/usr/sbin/mariadbd"), process.Find("/usr/bin/mariadb-install-db")
	if server == "" || install == "" {
		return nil, fmt.Errorf("%w: Debian's package mariadb-server has it", ErrMissing)
	}
	dir, err := h.folder("mysql", account)
	if err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	binary, args := process.AsUser(account, install, "--no-defaults", "--datadir="+in("data"), "--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := process.Run(ctx, binary, args...); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	setup := []string{
		"CREATE DATABASE shop", "CREATE USER reader@'127.0.0.1'", "GRANT ALL ON shop.* TO reader@'127.0.0.1'",
		"CREATE TABLE shop.levels (id int PRIMARY KEY, n int)", fmt.Sprintf("INSERT INTO shop.levels SELECT seq, 1 FROM shop.seq_0_to_%d", h.Levels-1),
	}
	if err := os.WriteFile(in("setup.sql"), []byte(strings.Join(setup, ";\n")+";\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the first statements: %w", err)
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address) // It comes from FreeAddress.
	binary, args = process.AsUser(account, server, "--no-defaults", "--datadir="+in("data"), "--bind-address="+host, "--port="+port,
		"--socket="+in("socket"), "--pid-file="+in("pid"), "--skip-name-resolve", "--init-file="+in("setup.sql"),
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M")
	p, err := process.Start(ctx, h.Dir, "mysql", binary, args...)
	if err != nil {
		return nil, err
	}
	h.onClose(p.Stop)
	db, err := openMySQL(address)
	if err != nil {
		return nil, err
	}
	h.onClose(func() { _ = db.Close() })
	err = process.WaitFor(ctx, 30*time.Second, "MariaDB answers", func(ctx context.Context) (bool, error) {
		return db.PingContext(ctx) == nil, p.Err()
	})
	if err != nil {
		return nil, err
	}
	return []Source{{Name: "mysql", Type: "mysql", Address: address, Set: func(ctx context.Context, i, n int) error {
		_, err := db.ExecContext(ctx, "UPDATE levels SET n = ? WHERE id = ?", n, i)
		return err
	}, Metadata: func(i int) map[string]string {
		return map[string]string{"host": host, "port": port, "username": "reader", "dbName": "shop", "query": levelQuery(i), "queryValue": "1"}
	}}}, nil
}

// openMySQL returns a client with as many connections as Impulse uses.
func openMySQL(address string) (*sql.DB, error) {
	c := driver.NewConfig()
	c.User, c.Net, c.Addr, c.DBName, c.Logger = "reader", "tcp", address, "shop", &driver.NopLogger{}
	connector, err := driver.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(sqlConnections)
	db.SetMaxIdleConns(sqlConnections)
	return db, nil
}

func bareMySQL(_ context.Context, address string) (Read, error) {
	db, err := openMySQL(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (float64, error) {
		var n float64
		err := db.QueryRowContext(ctx, levelQuery(i)).Scan(&n)
		return n, err
	}, nil
}
