package postgresql

import (
	"context"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// Kind describes the trigger type postgresql.
func Kind() triggers.Kind {
	k := triggers.Define("postgresql", "The number that a query to a PostgreSQL database returns.", Config{}, open)
	k.Limits = triggers.WithoutPodIdentity("log in with userName and password, or with a client certificate")
	k.Auth = []triggers.AuthParameter{
		{Name: "connection", Doc: "A whole connection string, URL or key=value, instead of all parameters below except ca, cert and key."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "host", Doc: "Instead of host in the metadata, like the next four."},
		{Name: "port", Doc: "Port of the server."},
		{Name: "userName", Doc: "Name of the user."},
		{Name: "dbName", Doc: "Name of the database."},
		{Name: "sslmode", Doc: "How TLS is used."},
		{Name: "ca", Doc: "CA certificates in PEM that verify the server, for sslmode verify-ca and verify-full, instead of the system's."},
		{Name: "cert", Doc: "Client certificate in PEM."},
		{Name: "key", Doc: "Private key of the client certificate, in PEM."},
	}
	k.Example = map[string]string{
		"host": "postgres.shop", "port": "5432", "userName": "reader", "dbName": "shop", "sslmode": "verify-full",
		"query": "SELECT count(*) FROM jobs WHERE state = 'waiting'", "targetQueryValue": "10",
	}
	return k
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	return database.NewSource(database.Spec{
		Kind: "postgresql", Address: c.address(), Settings: []string{c.UserName, c.DBName, c.SSLMode},
		Query: c.Query, Auth: Kind().Auth,
		Connect: func(ctx context.Context, credentials database.Credentials, dial database.Dial) (database.Session, error) {
			return connect(ctx, c, credentials, dial)
		},
		Target: func(credentials database.Credentials) string {
			if credentials["connection"] != "" || credentials["host"] != "" {
				return ""
			}
			return c.address()
		},
	}, env), nil
}
