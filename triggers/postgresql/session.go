package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

const (
	// begin opens a transaction that is read-only and, because its first query has run, cannot be made writable any more. The time
	// limit is that of Query, in milliseconds, unless the user of the database has a shorter one.
	begin = `BEGIN READ ONLY; SELECT set_config('statement_timeout', '%[1]d', true)` +
		` WHERE current_setting('statement_timeout')::interval NOT BETWEEN '1ms' AND '%[1]dms'`
	// closeTimeout limits the closing of a connection, which notifies the server.
	closeTimeout = time.Second
)

// session is one connection.
type session struct {
	conn    *pgconn.PgConn
	sockets *database.Sockets
}

// connect opens a session.
func connect(ctx context.Context, c Config, credentials database.Credentials, dial database.Dial) (database.Session, error) {
	settings, err := c.settings(credentials)
	if err != nil {
		return nil, err
	}
	sockets := database.NewSockets(ctx, dial)
	settings.DialFunc = pgconn.DialFunc(sockets.Dial)
	settings.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // Dial resolves names.
	conn, err := pgconn.ConnectConfig(ctx, settings)
	if err != nil {
		sockets.Close()
		return nil, fmt.Errorf("connect: %w", reason(err))
	}
	return &session{conn, sockets}, nil
}

// Ping sends an empty query.
func (s *session) Ping(ctx context.Context) error { return s.conn.Ping(ctx) }

// Query implements database.Session.
func (s *session) Query(ctx context.Context, query string, limit time.Duration) (string, error) {
	_, err := s.conn.Exec(ctx, fmt.Sprintf(begin, limit.Milliseconds())).ReadAll()
	var text string
	if err == nil {
		text, err = s.only(ctx, query)
	}
	if _, failed := s.conn.Exec(ctx, "ROLLBACK").ReadAll(); failed != nil {
		_ = s.Close() //nolint:contextcheck // It is in an unknown state, and is closed even if ctx is done.
	}
	if err != nil {
		return "", reason(err)
	}
	return text, nil
}

// only runs the query and returns its only value. The extended protocol refuses several statements, and describes the answer before the
// query is executed: a statement that returns no rows, such as COMMIT, is not executed.
func (s *session) only(ctx context.Context, query string) (string, error) {
	statement, err := s.conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return "", err
	}
	if len(statement.ParamOIDs) > 0 {
		return "", errors.New("the query has a parameter such as $1, which has no value here")
	}
	if err := database.CheckColumns(len(statement.Fields)); err != nil {
		return "", err
	}
	result := s.conn.ExecStatement(ctx, statement, nil, nil, nil)
	text, err := database.Only(next(result))
	if _, failed := result.Close(); err == nil {
		err = failed
	}
	return text, err
}

// Close closes the connection. It waits for the goroutine in which pgconn ends a connection after an error.
func (s *session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.conn.Close(ctx)
	select {
	case <-s.conn.CleanupDone():
	case <-ctx.Done():
	}
	s.sockets.Close()
	<-s.conn.CleanupDone()
	return err
}

// next returns a function that returns the value of the next row. Without formats, values are text.
func next(result *pgconn.ResultReader) func() (text string, known bool, err error) {
	return func() (string, bool, error) {
		if !result.NextRow() {
			_, err := result.Close()
			return "", false, cmp.Or(err, io.EOF)
		}
		value := result.Values()[0]
		return string(value), value != nil, nil
	}
}
