package postgresql

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// allowedKeys are the keys that a connection string may have. Keys that name files are refused, because they would be files of this
// process.
var allowedKeys = []string{
	"host", "port", "user", "password", "dbname", "sslmode", "ssl", "sslsni", "sslnegotiation", "channel_binding", "require_auth",
	"connect_timeout", "target_session_attrs", "min_protocol_version", "max_protocol_version",
	"application_name", "client_encoding", "datestyle", "intervalstyle", "timezone", "search_path", "options", "statement_timeout",
	"lock_timeout",
}

// neutral are settings that pgconn otherwise takes from the environment and the home folder of this process. service has no neutral value.
var neutral = []struct{ key, value string }{
	{"passfile", ""},
	{"sslcert", ""},
	{"sslkey", ""},
	{"sslrootcert", ""},
	{"sslpassword", ""},
	{"sslmode", "prefer"},
	{"sslnegotiation", ""},
	{"sslsni", ""},
	{"sslcertmode", "allow"},
	{"channel_binding", ""},
	{"require_auth", ""},
	{"connect_timeout", "0"},
	{"target_session_attrs", "any"},
	{"min_protocol_version", ""},
	{"max_protocol_version", ""},
	{"application_name", "impulse"},
	{"timezone", ""},
	{"options", ""},
}

// settings returns the settings of connections with the given credentials. Its errors contain no credentials.
func (c Config) settings(credentials database.Credentials) (*pgconn.Config, error) {
	text := credentials["connection"]
	if text == "" {
		var err error
		if text, err = c.connection(credentials); err != nil {
			return nil, err
		}
	}
	if err := checkKeys(text); err != nil {
		return nil, err
	}
	settings, err := pgconn.ParseConfig(neutralized(text))
	if err != nil { // Its text may quote a part of a password.
		return nil, errors.New("the connection is not a valid connection string of PostgreSQL")
	}
	for key, value := range settings.RuntimeParams {
		if value == "" {
			delete(settings.RuntimeParams, key)
		}
	}
	for _, server := range servers(settings) {
		if strings.HasPrefix(server.Host, "/") {
			return nil, errors.New("the connection has no host, or a path instead of a host")
		}
	}
	settings.MaxProtocolMessageBodyLen = database.MaxAnswerBytes
	return settings, c.secure(settings, credentials)
}

// connection returns the connection string for single parameters. Those of the authenticationRef override the metadata, as in KEDA.
func (c Config) connection(credentials database.Credentials) (string, error) {
	host, port := cmp.Or(credentials["host"], c.Host), cmp.Or(credentials["port"], c.Port, defaultPort)
	if problem, _ := checkHosts(host); problem != "" {
		return "", errors.New("the host " + problem)
	}
	if problem := checkPorts(host, port); problem != "" {
		return "", errors.New("the port is not valid")
	}
	var text strings.Builder
	for _, p := range []struct{ name, key, value string }{
		{"host", "host", host},
		{"port", "port", port},
		{"userName", "user", cmp.Or(credentials["userName"], c.UserName)},
		{"dbName", "dbname", cmp.Or(credentials["dbName"], c.DBName)},
		{"sslmode", "sslmode", cmp.Or(credentials["sslmode"], c.SSLMode)},
	} {
		if p.value == "" {
			return "", fmt.Errorf("%s is missing: set it in the metadata or in the authenticationRef, or set connection there", p.name)
		}
		text.WriteString(p.key + "=" + quoted(p.value) + " ")
	}
	return text.String() + "password=" + quoted(credentials["password"]), nil
}

// quoted returns a value of a connection string.
func quoted(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// neutralized returns a connection string in which the neutral settings come first: later ones override them.
func neutralized(text string) string {
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		first := []string{"password=''"}
		for _, s := range neutral {
			first = append(first, s.key+"="+quoted(s.value))
		}
		return strings.Join(first, " ") + " " + text
	}
	var first []string
	for _, s := range neutral {
		first = append(first, s.key+"="+url.QueryEscape(s.value))
	}
	scheme, rest, _ := strings.Cut(text, "://")
	user := ""
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		user, rest = rest[:i+1], rest[i+1:]
	}
	if _, password, _ := strings.Cut(user, ":"); password == "" || password == "@" {
		first = append(first, "password=")
	}
	server, query, _ := strings.Cut(rest, "?")
	if query != "" {
		first = append(first, query)
	}
	return scheme + "://" + user + server + "?" + strings.Join(first, "&")
}

// checkKeys returns an error for a connection string with a key that is not supported.
func checkKeys(text string) error {
	_, err := pgconn.ParseConfigWithOptions(text, pgconn.ParseConfigOptions{ConnStringAllowedKeys: allowedKeys})
	if err == nil || !strings.HasSuffix(err.Error(), " is not in ConnStringAllowedKeys") {
		return nil // Any other error comes from this process, or the string is not valid.
	}
	for _, key := range []string{"sslrootcert", "sslcert", "sslkey", "passfile", "service", "servicefile"} {
		if strings.HasSuffix(err.Error(), fmt.Sprintf(" key %q is not in ConnStringAllowedKeys", key)) {
			return fmt.Errorf("the connection has the key %s: files are not read, use ca, cert and key of the authenticationRef", key)
		}
	}
	return errors.New("the connection has a key that is not supported: supported are " + strings.Join(allowedKeys, ", "))
}

// servers returns every server and way to connect that settings try.
func servers(settings *pgconn.Config) []*pgconn.FallbackConfig {
	first := &pgconn.FallbackConfig{Host: settings.Host, Port: settings.Port, TLSConfig: settings.TLSConfig}
	return slices.Concat([]*pgconn.FallbackConfig{first}, settings.Fallbacks)
}

// secure adds the certificates of the authenticationRef.
func (c Config) secure(settings *pgconn.Config, credentials database.Credentials) error {
	given, err := triggers.TLSConfig(credentials["ca"], credentials["cert"], credentials["key"], false)
	if err != nil {
		return err
	}
	for _, server := range servers(settings) {
		if given.RootCAs != nil && !verifies(server.TLSConfig) {
			return errors.New("the credential ca needs the sslmode verify-ca or verify-full")
		}
		if server.TLSConfig != nil {
			server.TLSConfig.RootCAs, server.TLSConfig.Certificates = given.RootCAs, given.Certificates
		}
	}
	return nil
}

// verifies reports whether the certificate of a server is verified: by crypto/tls, or by a function of pgconn for verify-ca.
func verifies(config *tls.Config) bool {
	return config != nil && (!config.InsecureSkipVerify || config.VerifyPeerCertificate != nil)
}
