package mysql

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a mysql trigger.
type Config struct {
	Query                string        `json:"query" required:"true" doc:"One SELECT that returns one row with one column, a number."`
	QueryValue           scalers.Milli `json:"queryValue" required:"true" doc:"Target level: of one replica with metricType AverageValue, of the workload with Value."`
	ActivationQueryValue scalers.Milli `json:"activationQueryValue" doc:"The trigger is active above this level. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	Host                 string        `json:"host" doc:"Host of the server, such as mysql.shop. This and the next three may be in the authenticationRef instead."`
	Port                 string        `json:"port" doc:"Port of the server, 3306 if it is given nowhere."`
	Username             string        `json:"username" doc:"Name of the user."`
	DBName               string        `json:"dbName" doc:"Name of the database."`
	TLS                  string        `json:"tls" doc:"How TLS is used: false, preferred (if the server offers it, and not verified), skip-verify (not verified) or true (verified). A connectionString has its own."`
}

// defaultPort is the port of MySQL.
const defaultPort = "3306"

// tlsModes are the values of tls.
var tlsModes = []string{"false", "preferred", "skip-verify", "true"}

// Validate returns all mistakes.
func (c Config) Validate() error {
	var all []error
	if problem := checkQuery(c.Query); problem != "" {
		all = append(all, invalid("query", problem, "write SELECT"))
	}
	if c.QueryValue <= 0 {
		all = append(all, invalid("queryValue", "must be above 0", ""))
	}
	if problem, suggestion := checkHost(c.Host); problem != "" {
		all = append(all, invalid("host", problem, suggestion))
	}
	if problem := checkPort(c.Port); problem != "" {
		all = append(all, invalid("port", problem, ""))
	}
	if !slices.Contains(tlsModes, c.TLS) {
		all = append(all, invalid("tls", fmt.Sprintf("%q is not supported", c.TLS), "write "+strings.Join(tlsModes, ", ")))
	}
	return errors.Join(all...)
}

// Trigger divides the level by the target.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.QueryValue, Activation: c.ActivationQueryValue}
}

// Servers returns the server in the metadata that receives the credentials. A server in the authenticationRef is not one: the author of
// the credentials has chosen it.
func (c Config) Servers() []string {
	if c.Host == "" {
		return nil
	}
	return []string{c.address()}
}

// address returns the server in the metadata as text, or "" if there is none.
func (c Config) address() string {
	if c.Host == "" {
		return ""
	}
	return net.JoinHostPort(c.Host, cmp.Or(c.Port, defaultPort))
}

// checkHost returns the problem with a host, and a suggestion.
func checkHost(host string) (problem, suggestion string) {
	switch {
	case strings.HasPrefix(host, "/"):
		return "is a path: Unix sockets are not supported", "write the name of a host"
	case strings.ContainsAny(host, "/@?#() ,\t\r\n"):
		return "is not the name of a host", "write a name without a scheme, a user or a path"
	}
	return "", ""
}

// checkPort returns the problem with a port.
func checkPort(port string) string {
	if n, err := strconv.ParseUint(cmp.Or(port, defaultPort), 10, 16); err != nil || n == 0 {
		return fmt.Sprintf("%q is not a port", port)
	}
	return ""
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
