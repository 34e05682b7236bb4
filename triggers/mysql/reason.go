package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// messages replaces messages of the server that name the user or the database, by error number.
var messages = map[uint16]string{
	1040: "the server has no connection left",
	1044: "the server refuses the user for this database",
	1045: "the server refuses the user or the password",
	1049: "the database does not exist",
	1130: "the server refuses connections from this address",
	1203: "the server has no connection left for this user",
	1226: "the server has no connection left for this user, or the user has used up another limit",
	1698: "the server refuses the user or the password",
	1969: "the server ended the query: it took too long",
	3024: "the server ended the query: it took too long",
	3159: "the server requires TLS",
}

// reason returns an error in one line without credentials.
func reason(sockets *database.Sockets, err error) error {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		text := server.Message
		if message := messages[server.Number]; message != "" {
			text = message
		}
		return errors.New(database.OneLine(fmt.Sprintf("%s (error %d)", text, server.Number)))
	}
	switch {
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		return database.Reason(sockets.Reason(err))
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	}
	return database.Reason(err)
}
