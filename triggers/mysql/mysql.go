package mysql

import (
	"context"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// Kind describes the trigger type mysql.
func Kind() triggers.Kind {
	k := triggers.Define("mysql", "The number that a query to a MySQL or MariaDB database returns.", Config{TLS: "false"}, open)
	k.Auth = []triggers.AuthParameter{
		{Name: "connectionString", Doc: "A whole data source name, such as USER:PASSWORD@tcp(HOST:3306)/DATABASE?tls=true, instead of all parameters below except ca, cert and key."},
		{Name: "username", Doc: "Name of the user, if the metadata has none, like the next three."},
		{Name: "host", Doc: "Host of the server."},
		{Name: "port", Doc: "Port of the server."},
		{Name: "dbName", Doc: "Name of the database."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "ca", Doc: "CA certificates in PEM that verify the server, instead of the system's. TLS is then required, and the server verified."},
		{Name: "cert", Doc: "Client certificate in PEM, with TLS."},
		{Name: "key", Doc: "Private key of the client certificate, in PEM."},
	}
	k.Example = map[string]string{
		"host": "mysql.shop", "port": "3306", "username": "reader", "dbName": "shop", "tls": "true",
		"query": "SELECT count(*) FROM jobs WHERE state = 'waiting'", "queryValue": "10",
	}
	return k
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	return database.NewSource(database.Spec{
		Kind: "mysql", Address: c.address(), Settings: []string{c.Username, c.DBName, c.TLS}, Query: c.Query, Auth: Kind().Auth,
		Connect: func(ctx context.Context, credentials database.Credentials, dial database.Dial) (database.Session, error) {
			return connect(ctx, c, credentials, dial)
		},
		Target: func(credentials database.Credentials) string {
			if credentials["connectionString"] != "" {
				return ""
			}
			return c.address()
		},
	}, env), nil
}
