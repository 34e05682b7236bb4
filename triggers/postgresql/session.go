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
	// begin opens a transaction that is read-only. Once a query has run in it, it cannot be made writable any more.
	begin = "BEGIN READ ONLY"
	// setLimit is that query. It sets the time limit of Query for this transaction, in milliseconds, unless the user of the database has
	// a shorter one.
	setLimit = `SELECT set_config('statement_timeout', '%[1]d', true)` +
		` WHERE current_setting('statement_timeout')::interval NOT BETWEEN '1ms' AND '%[1]dms'`
	// closeTimeout limits the closing of a connection, which notifies the server.
	closeTimeout = time.Second
)

// The states of a connection between two requests, as the server reports them.
const (
	idle          = 'I'
	inTransaction = 'T'
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

// Query implements database.Session. It takes two round trips: the server opens the transaction and describes the query in the first, and
// runs the query and ends the transaction in the second. No setting of the session is relied on, because a query can change those.
func (s *session) Query(ctx context.Context, query string, limit time.Duration) (string, error) {
	p := s.conn.StartPipeline(ctx)
	statement, err := s.prepare(p, query, limit)
	var text string
	if err == nil {
		p.SendQueryStatement(statement, nil, nil, nil)
		p.SendPipelineSync() // The next request is carried out even if the query fails.
	}
	if !s.conn.IsClosed() { // Otherwise a goroutine of pgconn is using it to notify the server.
		send(p, "ROLLBACK")
		if failed := p.Sync(); err == nil {
			err = failed
		}
	}
	if err == nil {
		text, err = only(p)
	}
	_ = p.Close() // Its error is that of the query, or the connection is closed.
	if s.conn.IsClosed() || s.conn.TxStatus() != idle {
		_ = s.Close() //nolint:contextcheck // It is in an unknown state, and is closed even if ctx is done.
	}
	if err != nil {
		return "", reason(err)
	}
	return text, nil
}

// prepare opens the transaction and prepares the query in it. The extended protocol refuses several statements, and describes the answer
// before the query is executed: a statement that returns no rows, such as COMMIT, is not executed.
func (s *session) prepare(p *pgconn.Pipeline, query string, limit time.Duration) (*pgconn.StatementDescription, error) {
	send(p, begin)
	send(p, fmt.Sprintf(setLimit, limit.Milliseconds()))
	p.SendPrepare("", query, nil)
	if err := p.Sync(); err != nil {
		return nil, err
	}
	statement, err := description(p)
	switch {
	case err != nil:
		return nil, err
	case s.conn.TxStatus() != inTransaction:
		return nil, errors.New("the server did not open a transaction")
	case len(statement.ParamOIDs) > 0:
		return nil, errors.New("the query has a parameter such as $1, which has no value here")
	}
	return statement, database.CheckColumns(len(statement.Fields))
}

// description returns the description of the statement that was prepared before the last synchronization.
func description(p *pgconn.Pipeline) (*pgconn.StatementDescription, error) {
	statement := &pgconn.StatementDescription{}
	for {
		results, err := p.GetResults()
		if err != nil {
			return nil, err
		}
		switch r := results.(type) {
		case *pgconn.ResultReader:
			if _, err := r.Close(); err != nil {
				return nil, err
			}
		case *pgconn.StatementDescription:
			statement = r
		default: // It is the synchronization.
			return statement, nil
		}
	}
}

// only returns the only value of the query.
func only(p *pgconn.Pipeline) (string, error) {
	results, err := p.GetResults()
	if err != nil {
		return "", err
	}
	result, ok := results.(*pgconn.ResultReader)
	if !ok {
		return "", fmt.Errorf("the driver returned a %T", results)
	}
	text, err := database.Only(next(result))
	if _, failed := result.Close(); err == nil {
		err = failed
	}
	return text, err
}

// send sends a statement without parameters at the next synchronization.
func send(p *pgconn.Pipeline, statement string) { p.SendQueryParams(statement, nil, nil, nil, nil) }

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
