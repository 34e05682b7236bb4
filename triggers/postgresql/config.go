package postgresql

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

// Config is the metadata of a postgresql trigger.
type Config struct {
	Query            string        `json:"query" required:"true" doc:"One SQL query that returns one row with one column, a number."`
	TargetQueryValue scalers.Milli `json:"targetQueryValue" required:"true" doc:"Target level: of one replica with metricType AverageValue, of the workload with Value."`
	ActivationValue  scalers.Milli `json:"activationTargetQueryValue" doc:"The trigger is active above this level. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	Host             string        `json:"host" doc:"Host of the server, such as postgres.shop, or several separated by commas, which are tried in this order. This and the next four may be in the authenticationRef instead."`
	Port             string        `json:"port" doc:"Port of the server, 5432 if it is given nowhere."`
	UserName         string        `json:"userName" doc:"Name of the user."`
	DBName           string        `json:"dbName" doc:"Name of the database."`
	SSLMode          string        `json:"sslmode" doc:"How TLS is used: disable, allow, prefer, require (encrypted, but the server is not verified), verify-ca or verify-full."`
}

// defaultPort is the port of PostgreSQL.
const defaultPort = "5432"

// sslModes are the values of sslmode.
var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// Validate returns all mistakes.
func (c Config) Validate() error {
	var all []error
	if c.TargetQueryValue <= 0 {
		all = append(all, invalid("targetQueryValue", "must be above 0", ""))
	}
	if problem, suggestion := checkHosts(c.Host); problem != "" {
		all = append(all, invalid("host", problem, suggestion))
	}
	if problem := checkPorts(c.Host, c.Port); problem != "" {
		all = append(all, invalid("port", problem, ""))
	}
	if c.SSLMode != "" && !slices.Contains(sslModes, c.SSLMode) {
		all = append(all, invalid("sslmode", fmt.Sprintf("%q is not supported", c.SSLMode), "write "+strings.Join(sslModes, ", ")))
	}
	return errors.Join(all...)
}

// Trigger divides the level by the target.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.TargetQueryValue, Activation: c.ActivationValue}
}

// Servers returns the servers in the metadata that receive the credentials. A server in the authenticationRef is not one of them: the author
// of the credentials has chosen it.
func (c Config) Servers() []string {
	if c.Host == "" {
		return nil
	}
	hosts, ports := strings.Split(c.Host, ","), strings.Split(c.Port, ",")
	servers := make([]string, len(hosts))
	for i, host := range hosts {
		servers[i] = net.JoinHostPort(host, cmp.Or(ports[min(i, len(ports)-1)], defaultPort))
	}
	return servers
}

// address returns the servers in the metadata as text, or "" if there are none.
func (c Config) address() string { return strings.Join(c.Servers(), ",") }

// checkHosts returns the problem with a list of hosts, and a suggestion.
func checkHosts(list string) (problem, suggestion string) {
	switch {
	case list == "":
		return "", ""
	case strings.HasPrefix(list, "/"):
		return "is a path: Unix sockets are not supported", "write the name of a host"
	case strings.ContainsAny(list, "/@?# \t\r\n"):
		return "is not the name of a host", "write a name without a scheme, a user or a path"
	case slices.Contains(strings.Split(list, ","), ""):
		return "has an empty element", ""
	}
	return "", ""
}

// checkPorts returns the problem with a list of ports: one for all hosts, or one for each.
func checkPorts(hosts, list string) string {
	ports := strings.Split(list, ",")
	if list == "" {
		return ""
	}
	for _, port := range ports {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Sprintf("%q is not a port", port)
		}
	}
	if n := len(strings.Split(hosts, ",")); hosts != "" && len(ports) > 1 && len(ports) != n {
		return fmt.Sprintf("has %d ports for %d hosts", len(ports), n)
	}
	return ""
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
