package mysql

import (
	"cmp"
	"errors"
	"fmt"
	"net"

	driver "github.com/go-sql-driver/mysql"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/database"
)

// settings returns the settings of connections with the given credentials. Its errors contain no credentials.
func (c Config) settings(credentials database.Credentials) (*driver.Config, error) {
	settings, err := c.dataSource(credentials)
	if err != nil {
		return nil, err
	}
	settings.Logger = &driver.NopLogger{} // The driver otherwise writes to standard error.
	settings.MultiStatements, settings.AllowAllFiles, settings.AllowOldPasswords = false, false, false
	settings.RejectReadOnly = false // It would repeat a query that was refused because it writes.
	settings.ParseTime, settings.InterpolateParams = false, false
	settings.MaxAllowedPacket = driver.NewConfig().MaxAllowedPacket         // 0 would ask the server first.
	if err := settings.Apply(driver.EnableCompression(false)); err != nil { // A small answer could become a large one.
		return nil, errors.New("compression cannot be disabled")
	}
	if err := secure(settings, credentials); err != nil {
		return nil, err
	}
	if settings.AllowCleartextPasswords && (settings.TLS == nil || settings.AllowFallbackToPlaintext) {
		return nil, errors.New("allowCleartextPasswords in the connectionString needs tls=true or tls=skip-verify")
	}
	return settings, nil
}

// dataSource returns the settings of the connection string, or of single parameters. The metadata override the authenticationRef, as in
// KEDA.
func (c Config) dataSource(credentials database.Credentials) (*driver.Config, error) {
	if text := credentials["connectionString"]; text != "" {
		settings, err := parse(text)
		switch {
		case err != nil:
			return nil, errors.New("the connectionString is not a valid data source name: USER:PASSWORD@tcp(HOST:3306)/DATABASE")
		case settings.Net != "tcp":
			return nil, errors.New("the connectionString must connect with tcp")
		}
		return settings, nil
	}
	host, port := cmp.Or(c.Host, credentials["host"]), cmp.Or(c.Port, credentials["port"], defaultPort)
	if problem, _ := checkHost(host); problem != "" {
		return nil, errors.New("the host " + problem)
	}
	if checkPort(port) != "" {
		return nil, errors.New("the port is not valid")
	}
	settings := driver.NewConfig()
	settings.Net, settings.Addr, settings.Passwd, settings.TLSConfig = "tcp", net.JoinHostPort(host, port), credentials["password"], c.TLS
	settings.User, settings.DBName = cmp.Or(c.Username, credentials["username"]), cmp.Or(c.DBName, credentials["dbName"])
	for _, p := range []struct{ name, value string }{{"host", host}, {"username", settings.User}, {"dbName", settings.DBName}} {
		if p.value == "" {
			return nil, fmt.Errorf("%s is missing: set it in the metadata or in the authenticationRef, or set connectionString there", p.name)
		}
	}
	return settings, nil
}

// parse parses a data source name. The driver panics for a parameter that it no longer has.
func parse(text string) (settings *driver.Config, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New("it has a parameter that no longer exists")
		}
	}()
	return driver.ParseDSN(text)
}

// secure makes TLS required and verified if there are certificates. Otherwise the driver sets TLS up, by the setting tls.
func secure(settings *driver.Config, credentials database.Credentials) error {
	ca, cert, key := credentials["ca"], credentials["cert"], credentials["key"]
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	if mode := settings.TLSConfig; mode == "skip-verify" || mode == "preferred" {
		return fmt.Errorf("the credentials ca, cert and key need tls=true, not %s", mode)
	}
	config, err := triggers.TLSConfig(ca, cert, key, false)
	if err != nil {
		return err
	}
	if config.ServerName, _, err = net.SplitHostPort(settings.Addr); err != nil {
		return errors.New("the address of the server is not host:port")
	}
	settings.TLS, settings.AllowFallbackToPlaintext = config, false
	return nil
}
