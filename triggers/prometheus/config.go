package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a prometheus trigger.
type Config struct {
	ServerAddress       string        `json:"serverAddress" required:"true" doc:"Base URL of Prometheus or of anything that answers its query API, such as http://prometheus.monitoring:9090."`
	Query               string        `json:"query" required:"true" doc:"PromQL that yields a scalar or a vector of one element."`
	Threshold           scalers.Milli `json:"threshold" required:"true" doc:"The level one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"The trigger is active above this level; it matters between rest and one replica only."`
	Timeout             time.Duration `json:"timeout" doc:"How long one query may take, as 2s or 500ms; a bare number is milliseconds."`
	Namespace           string        `json:"namespace" doc:"Sent as the parameter namespace, for servers with tenants such as Thanos behind a proxy."`
	CustomHeaders       []string      `json:"customHeaders" doc:"Headers to send, as X-Scope-OrgID=team,X-Other=value."`
	QueryParameters     []string      `json:"queryParameters" doc:"Parameters to send besides the query, as dedup=true,partial_response=false."`
	IgnoreNullValues    bool          `json:"ignoreNullValues" doc:"Read an empty, NaN or infinite answer as 0 instead of unknown: a lost series then scales down."`
	NegativeIsZero      bool          `json:"negativeIsZero" doc:"Read a negative answer as 0 instead of unknown."`
	UnsafeSSL           bool          `json:"unsafeSsl" doc:"Accept any certificate."`
	AuthModes           string        `json:"authModes" doc:"bearer (parameter bearerToken of the authenticationRef) or basic (username, password)."`
}

// defaults is the config of a user who set nothing.
func defaults() Config { return Config{Timeout: 3 * time.Second} }

// Validate returns every mistake at once.
func (c Config) Validate() error {
	_, headers := pairs("customHeaders", c.CustomHeaders)
	_, parameters := pairs("queryParameters", c.QueryParameters)
	return errors.Join(
		c.checkAddress(), c.checkQuery(), c.checkThreshold(), c.checkTimeout(), headers, c.checkHeaders(), parameters,
		c.checkParameters(), c.checkAuth(),
	)
}

// Trigger says how the level is read.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold}
}

// Zeros says which answers count as 0.
func (c Config) Zeros() triggers.Zeros {
	return triggers.Zeros{Null: c.IgnoreNullValues, Negative: c.NegativeIsZero}
}

func (c Config) checkAddress() error {
	if c.ServerAddress == "" {
		return nil // Define says that it is required.
	}
	u, err := url.Parse(c.ServerAddress)
	switch {
	case err != nil:
		return wrong("serverAddress", "is not a URL", "")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return wrong("serverAddress", "is not an http or https URL", "write http://HOST:9090")
	case u.User != nil:
		return wrong("serverAddress", "holds credentials", "put them in a Secret, with authModes: basic and an authenticationRef")
	case u.RawQuery != "" || u.Fragment != "":
		return wrong("serverAddress", "is more than an address", "put parameters in queryParameters")
	}
	return nil
}

func (c Config) checkQuery() error {
	if c.Query != "" && strings.TrimSpace(c.Query) == "" {
		return wrong("query", "is blank", "")
	}
	if problem := unfinished(c.Query); problem != "" {
		return wrong("query", problem, "")
	}
	return nil
}

func (c Config) checkThreshold() error {
	if c.Threshold <= 0 {
		return wrong("threshold", "must be above 0", "")
	}
	return nil
}

func (c Config) checkTimeout() error {
	if c.Timeout <= 0 {
		return wrong("timeout", "must be above 0", "")
	}
	return nil
}

func (c Config) checkHeaders() error {
	headers, _ := pairs("customHeaders", c.CustomHeaders)
	var all []error
	for _, h := range headers {
		switch name := strings.ToLower(h.key); {
		case !validHeader(h.key, h.value):
			all = append(all, wrong("customHeaders", fmt.Sprintf("%q cannot be a header", h.key), ""))
		case name == "authorization":
			all = append(all, wrong("customHeaders", "holds credentials", "put them in a Secret, with authModes and an authenticationRef"))
		case slices.Contains([]string{"host", "content-type", "content-length", "transfer-encoding", "connection", "accept-encoding"}, name):
			all = append(all, wrong("customHeaders", h.key+" is set by the client itself", ""))
		}
	}
	return errors.Join(all...)
}

func (c Config) checkParameters() error {
	parameters, _ := pairs("queryParameters", c.QueryParameters)
	var all []error
	for _, p := range parameters {
		if slices.Contains([]string{"query", "time", "timeout"}, p.key) {
			all = append(all, wrong("queryParameters", p.key+" is set by the trigger itself", ""))
		}
	}
	return errors.Join(all...)
}

func (c Config) checkAuth() error {
	switch c.AuthModes {
	case "", "bearer", "basic":
		return nil
	}
	return wrong("authModes", fmt.Sprintf("%q is not supported", c.AuthModes), "write bearer or basic")
}

// pair is one entry of a list such as a=1,b=2.
type pair struct{ key, value string }

// pairs parses a list of key=value. A value may hold further equals signs.
func pairs(field string, list []string) ([]pair, error) {
	var found []pair
	var all []error
	for _, entry := range list {
		key, value, ok := strings.Cut(entry, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			all = append(all, wrong(field, fmt.Sprintf("%q is not key=value", entry), ""))
			continue
		}
		found = append(found, pair{key, value})
	}
	return found, errors.Join(all...)
}

// validHeader says whether HTTP allows the header: a token, and a value of visible characters and blanks.
func validHeader(name, value string) bool {
	token := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
	visible := func(r rune) bool { return r == '\t' || r >= ' ' && r != 0x7f }
	not := func(ok func(rune) bool) func(rune) bool { return func(r rune) bool { return !ok(r) } }
	return strings.IndexFunc(name, not(token)) < 0 && strings.IndexFunc(value, not(visible)) < 0
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}

// PromQL returns the query, for those who ask what it would have answered at other times.
func (c Config) PromQL() string { return c.Query }

// Servers are where credentials are sent.
func (c Config) Servers() []string { return []string{c.ServerAddress} }
