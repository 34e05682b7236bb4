package source

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// sqlConnections is the number of connections to a database, as Impulse uses.
const sqlConnections = 4

// levelQuery is the query that returns a level.
func levelQuery(i int) string { return "SELECT n FROM levels WHERE id = " + strconv.Itoa(i) }

// startPostgreSQL starts a PostgreSQL server with a row for each level.
func startPostgreSQL(ctx context.Context, h *Host) ([]Source, error) {
	const account = "postgres"
	initdb := process.Find("/usr/lib/postgresql/*/bin/initdb")
	if initdb == "" {
		return nil, fmt.Errorf("%w: Debian's package postgresql-15 has it", ErrMissing)
	}
	dir, err := h.folder("postgresql", account)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	binary, args := process.AsUser(account, initdb, "--pgdata", data, "--username", account, "--auth", "trust", "--encoding", "UTF8", "--no-sync")
	if out, err := process.Run(ctx, binary, args...); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address) // It comes from FreeAddress.
	binary, args = process.AsUser(account, filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-h", host, "-p", port, "-k", "", "-F")
	p, err := process.Start(ctx, h.Dir, "postgresql", binary, args...)
	if err != nil {
		return nil, err
	}
	h.onClose(p.Stop)
	text := "host=" + host + " port=" + port + " user=" + account + " dbname=" + account + " sslmode=disable"
	var admin *pgconn.PgConn
	err = process.WaitFor(ctx, 20*time.Second, "PostgreSQL answers", func(ctx context.Context) (bool, error) {
		admin, err = pgconn.Connect(ctx, text)
		return err == nil, p.Err()
	})
	if err != nil {
		return nil, err
	}
	h.onClose(func() { _ = admin.Close(context.WithoutCancel(ctx)) })
	setup := fmt.Sprintf("CREATE TABLE levels (id int PRIMARY KEY, n int); INSERT INTO levels SELECT i, 1 FROM generate_series(0, %d) i; ANALYZE levels", h.Levels-1)
	if _, err := admin.Exec(ctx, setup).ReadAll(); err != nil {
		return nil, fmt.Errorf("fill PostgreSQL: %w", err)
	}
	return []Source{{Name: "postgresql", Type: "postgresql", Address: text, Set: func(ctx context.Context, i, n int) error {
		_, err := admin.Exec(ctx, fmt.Sprintf("UPDATE levels SET n = %d WHERE id = %d", n, i)).ReadAll()
		return err
	}, Metadata: func(i int) map[string]string {
		return map[string]string{
			"host": host, "port": port, "userName": account, "dbName": account, "sslmode": "disable", "query": levelQuery(i), "targetQueryValue": "1",
		}
	}}}, nil
}

func barePostgreSQL(ctx context.Context, address string) (Read, error) {
	free := make(chan *pgconn.PgConn, sqlConnections)
	for range sqlConnections {
		conn, err := pgconn.Connect(ctx, address)
		if err != nil {
			return nil, err
		}
		free <- conn
	}
	return func(ctx context.Context, i int) (float64, error) {
		conn := <-free
		defer func() { free <- conn }()
		result := conn.ExecParams(ctx, levelQuery(i), nil, nil, nil, nil).Read()
		if err := only(len(result.Rows), result.Err); err != nil {
			return 0, err
		}
		return strconv.ParseFloat(string(result.Rows[0][0]), 64)
	}, nil
}
