package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// setLimit sets the time limit of the session: the limit of Query, unless that of the server is shorter. MariaDB executes the first
// comment and MySQL the second: each ignores the other's. MariaDB counts in seconds, MySQL in milliseconds.
const setLimit = `SET SESSION ` +
	`/*M!100101 max_statement_time = IF(@@GLOBAL.max_statement_time BETWEEN 0.001 AND %[1]d.%03[2]d, @@GLOBAL.max_statement_time, %[1]d.%03[2]d) */` +
	`/*!50708 max_execution_time = IF(@@GLOBAL.max_execution_time BETWEEN 1 AND %[3]d, @@GLOBAL.max_execution_time, %[3]d) */`

// connection is what the driver implements.
type connection interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
}

// session is one connection.
type session struct {
	conn    connection
	sockets *database.Sockets
}

// connect opens a session.
func connect(ctx context.Context, c Config, credentials database.Credentials, dial database.Dial) (database.Session, error) {
	settings, err := c.settings(credentials)
	if err != nil {
		return nil, err
	}
	sockets := database.NewSockets(ctx, dial)
	settings.DialFunc = sockets.Dial
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		sockets.Close()
		return nil, errors.New("the settings of the connection are not valid")
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		reason := reason(sockets, err)
		sockets.Close()
		return nil, fmt.Errorf("connect: %w", reason)
	}
	conn, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection is a %T", opened), opened.Close())
	}
	return &session{conn, sockets}, nil
}

// Ping asks the server whether it is there.
func (s *session) Ping(ctx context.Context) error {
	pinger, ok := s.conn.(driver.Pinger)
	if !ok {
		return driver.ErrBadConn
	}
	return pinger.Ping(ctx)
}

// Query implements database.Session.
func (s *session) Query(ctx context.Context, query string, limit time.Duration) (string, error) {
	defer context.AfterFunc(ctx, s.sockets.Close)() // The driver ignores ctx while it skips the rest of an answer.
	err := s.begin(ctx, limit.Milliseconds())
	var text string
	if err == nil {
		text, err = s.only(ctx, query)
	}
	if err != nil {
		err = reason(s.sockets, err)
	}
	if _, failed := s.conn.ExecContext(ctx, "ROLLBACK", nil); failed != nil {
		_ = s.Close() // It is in an unknown state.
	}
	return text, err
}

// begin begins a read-only transaction. The server ends each of its statements after limit milliseconds.
func (s *session) begin(ctx context.Context, limit int64) error {
	if _, err := s.conn.ExecContext(ctx, fmt.Sprintf(setLimit, limit/1000, limit%1000, limit), nil); err != nil {
		return err
	}
	_, err := s.conn.ExecContext(ctx, "START TRANSACTION READ ONLY", nil)
	return err
}

// only runs the query and returns its only value. It refuses a statement that may end the read-only transaction. The server refuses a query
// of several statements, because the client has not set the capability CLIENT_MULTI_STATEMENTS.
func (s *session) only(ctx context.Context, query string) (string, error) {
	if problem := checkQuery(query); problem != "" {
		return "", errors.New("the query " + problem)
	}
	rows, err := s.conn.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	text, err := s.value(rows)
	if failed := rows.Close(); err == nil {
		err = failed
	}
	return text, err
}

func (s *session) value(rows driver.Rows) (string, error) {
	if err := database.CheckColumns(len(rows.Columns())); err != nil {
		return "", err
	}
	if types, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok && types.ColumnTypeDatabaseTypeName(0) == "BIT" {
		return "", errors.New("the answer is a BIT, whose bytes are not a number: add 0 to it")
	}
	row := make([]driver.Value, 1)
	return database.Only(func() (string, bool, error) {
		err := rows.Next(row)
		if err != nil {
			return "", false, err
		}
		text, err := textOf(row[0])
		return text, row[0] != nil, err
	})
}

// textOf returns a value as text. The driver parses some numbers: the text has the value that the server wrote, not always the same digits.
func textOf(value driver.Value) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case []byte:
		return string(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float32:
		return strconv.FormatFloat(float64(v), 'e', -1, 32), nil
	case float64:
		return strconv.FormatFloat(v, 'e', -1, 64), nil
	}
	return "", fmt.Errorf("the driver returned a %T", value)
}

// Close closes the connection. It tells the server first, which otherwise logs an aborted connection.
func (s *session) Close() error {
	err := s.conn.Close()
	s.sockets.Close()
	if errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) {
		return nil // It was closed already.
	}
	return err
}
