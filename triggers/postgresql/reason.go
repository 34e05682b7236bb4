package postgresql

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// messages replaces messages of the server, by SQLSTATE: those that name the user or the database, and that of a query which was ended.
var messages = map[string]string{
	"28P01": "the server refuses the user or the password",
	"28000": "the server refuses the user, or a connection from this address or without TLS (pg_hba.conf)",
	"3D000": "the database does not exist",
	"53300": "the server has no connection left for this user",
	"57014": "the server ended the query: it took too long, or was canceled",
}

// reason returns an error in one line without credentials.
func reason(err error) error {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		if message := messages[server.Code]; message != "" {
			return fmt.Errorf("%s (SQLSTATE %s)", message, server.Code)
		}
		return errors.New(database.OneLine(fmt.Sprintf("%s (SQLSTATE %s)", server.Message, server.Code)))
	}
	if _, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return database.ErrTooLarge
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return database.Reason(innermost(err))
}

// innermost returns the error of the last attempt to connect, without the user, the database and the address. It returns err if err is not of a connection.
func innermost(err error) error {
	connecting, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return err
	}
	inner := connecting.Unwrap()
	if joined, ok := inner.(interface{ Unwrap() []error }); ok {
		all := joined.Unwrap()
		inner = all[len(all)-1]
	}
	if cause := errors.Unwrap(inner); cause != nil {
		return cause
	}
	return inner
}
