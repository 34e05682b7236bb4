package prometheus

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// Config is the metadata of a prometheus trigger.
type Config struct {
	ServerAddress       string        `json:"serverAddress" required:"true" doc:"Base URL of Prometheus or of another server with its query API, such as http://prometheus.monitoring:9090."`
	Query               string        `json:"query" required:"true" doc:"PromQL query whose result is a scalar or a vector with one element."`
	Threshold           scalers.Milli `json:"threshold" required:"true" doc:"Target level: of one replica with metricType AverageValue, of the workload with Value."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"The trigger is active above this level. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	Timeout             time.Duration `json:"timeout" doc:"Maximum duration of one query, such as 2s or 500ms."`
	Namespace           string        `json:"namespace" doc:"Value of the query parameter namespace, for servers with tenants such as Thanos behind a proxy."`
	CustomHeaders       []string      `json:"customHeaders" doc:"Additional request headers, such as X-Scope-OrgID=team,X-Other=value."`
	QueryParameters     []string      `json:"queryParameters" doc:"Additional query parameters, such as dedup=true,partial_response=false."`
	IgnoreNullValues    bool          `json:"ignoreNullValues" doc:"Read an empty, NaN or infinite answer as 0 instead of unknown. A lost series then scales down."`
	NegativeIsZero      bool          `json:"negativeIsZero" doc:"Read a negative answer as 0 instead of unknown."`
	AcceptPartial       bool          `json:"acceptPartialResponse" doc:"Read the value of an answer in which data may be missing, such as that of a store that is not available, instead of unknown. The value may be too low then."`
	EvaluationStep      time.Duration `json:"evaluationStep" doc:"Evaluate the query at the last multiple of this time, such as 15s, so that a cache in front of the server sees the same request several times. 0 evaluates it at the server's current time."`
	UnsafeSSL           bool          `json:"unsafeSsl" doc:"Accept any certificate."`
	AuthModes           string        `json:"authModes" doc:"How to authenticate, with parameters of the authenticationRef: bearer (bearerToken), basic (username, password) or oauth (an OAuth 2 client: oauthTokenURI, clientID, clientSecret); alone or beside one of them, custom (the header customAuthHeader with the value customAuthValue) and tls (the client certificate cert and its key), such as bearer,tls."`
	AuthMode            string        `json:"authMode" doc:"Another name of authModes."`
	AWSRegion           string        `json:"awsRegion" doc:"Region of an Amazon Managed Service for Prometheus, such as eu-west-1. Requests are signed (SigV4) with the access key of the authenticationRef: awsAccessKeyID and awsSecretAccessKey. It cannot be combined with authModes."`
	Cloud               string        `json:"cloud" doc:"Azure cloud of an Azure Monitor workspace, such as AzureUSGovernmentCloud, or Private. It is used only with the podIdentity azure-workload."`
	IdentityOwner       string        `json:"identityOwner" doc:"operator for the identity that the KEDA bridge has in AWS, without authModes and without a podIdentity; then the bridge reads the trigger. pod, the default, has no effect."`
	AzureResourceURL    string        `json:"azureManagedPrometheusResourceURL" doc:"Resource for which a token is requested, with cloud: Private. It is used only with the podIdentity azure-workload."`
}

// defaults returns the config for empty metadata.
func defaults() Config { return Config{Timeout: 3 * time.Second} }

// Validate returns all mistakes.
func (c Config) Validate() error {
	_, headers := pairs("customHeaders", c.CustomHeaders)
	_, parameters := pairs("queryParameters", c.QueryParameters)
	return errors.Join(
		c.checkAddress(), c.checkQuery(), c.checkThreshold(), c.checkTimeout(), c.checkStep(), c.checkPartial(), headers, c.checkHeaders(), parameters,
		c.checkParameters(), c.checkAuth(), c.checkRegion(), c.checkOwner(),
	)
}

// Trigger divides the level by the threshold.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold}
}

// modes returns how to authenticate, by one of the two names of the parameter.
func (c Config) modes() string { return strings.TrimSpace(cmp.Or(c.AuthModes, c.AuthMode)) }

// Zeros returns the answers that count as 0.
func (c Config) Zeros() triggers.Zeros {
	return triggers.Zeros{Null: c.IgnoreNullValues, Negative: c.NegativeIsZero}
}

func (c Config) checkAddress() error {
	if c.ServerAddress == "" {
		return nil // The decoder reports that it is required.
	}
	u, err := url.Parse(c.ServerAddress)
	switch {
	case err != nil:
		return invalid("serverAddress", "is not a URL", "")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return invalid("serverAddress", "is not an http or https URL", "write http://HOST:9090")
	case u.User != nil:
		return invalid("serverAddress", "contains credentials", "put them in a Secret, with authModes: basic and an authenticationRef")
	case u.RawQuery != "" || u.Fragment != "":
		return invalid("serverAddress", "has a query or a fragment", "put parameters in queryParameters")
	}
	return nil
}

func (c Config) checkQuery() error {
	if c.Query != "" && strings.TrimSpace(c.Query) == "" {
		return invalid("query", "is blank", "")
	}
	if problem := checkSyntax(c.Query); problem != "" {
		return invalid("query", problem, "")
	}
	return nil
}

func (c Config) checkThreshold() error {
	if c.Threshold <= 0 {
		return invalid("threshold", "must be above 0", "")
	}
	return nil
}

func (c Config) checkTimeout() error {
	if c.Timeout <= 0 {
		return invalid("timeout", "must be above 0", "")
	}
	return nil
}

// Limits of the evaluation step: Prometheus's API takes whole milliseconds, and a level must not become much older by it.
const (
	shortestStep = time.Second
	longestStep  = time.Minute
)

func (c Config) checkStep() error {
	if s := c.EvaluationStep; s != 0 && (s < shortestStep || s > longestStep || s%time.Millisecond != 0) {
		return invalid("evaluationStep", fmt.Sprintf("is %s", s), fmt.Sprintf("write 0 or a time from %s to %s", shortestStep, longestStep))
	}
	return nil
}

func (c Config) checkPartial() error {
	if c.AcceptPartial && c.IgnoreNullValues {
		return invalid("acceptPartialResponse", "cannot be combined with ignoreNullValues", "the missing data may be all of it, and would be read as 0")
	}
	return nil
}

func (c Config) checkHeaders() error {
	headers, _ := pairs("customHeaders", c.CustomHeaders)
	var all []error
	for _, h := range headers {
		switch name := strings.ToLower(h.key); {
		case !validHeader(h.key, h.value):
			all = append(all, invalid("customHeaders", fmt.Sprintf("%q cannot be a header", h.key), ""))
		case name == "authorization":
			all = append(all, invalid("customHeaders", "contains credentials", "put them in a Secret, with authModes and an authenticationRef"))
		case slices.Contains([]string{"host", "content-type", "content-length", "transfer-encoding", "connection", "accept-encoding"}, name):
			all = append(all, invalid("customHeaders", h.key+" is set by the client", ""))
		}
	}
	return errors.Join(all...)
}

func (c Config) checkParameters() error {
	parameters, _ := pairs("queryParameters", c.QueryParameters)
	var all []error
	for _, p := range parameters {
		if slices.Contains([]string{"query", "time", "timeout"}, p.key) {
			all = append(all, invalid("queryParameters", p.key+" is set by the trigger", ""))
		}
	}
	return errors.Join(all...)
}

func (c Config) checkAuth() error {
	_, err := httpauth.Parse(c.modes())
	return err
}

func (c Config) checkRegion() error {
	switch {
	case c.AWSRegion == "":
		return nil
	case !validRegion(c.AWSRegion):
		return invalid("awsRegion", fmt.Sprintf("%q is not a region", c.AWSRegion), "write one such as eu-west-1")
	case c.modes() != "":
		return invalid("awsRegion", "cannot be combined with authModes", "requests are either signed or authenticated in another way")
	}
	return nil
}

// pair is one entry of a list such as a=1,b=2.
type pair struct{ key, value string }

// pairs parses a list of key=value. A value may contain further equals signs.
func pairs(field string, list []string) ([]pair, error) {
	var found []pair
	var all []error
	for _, entry := range list {
		key, value, ok := strings.Cut(entry, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			all = append(all, invalid(field, fmt.Sprintf("%q is not key=value", entry), ""))
			continue
		}
		found = append(found, pair{key, value})
	}
	return found, errors.Join(all...)
}

// validHeader reports whether HTTP allows the header: the name is a token, and the value has only visible characters and blanks.
func validHeader(name, value string) bool {
	token := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}
	visible := func(r rune) bool { return r == '\t' || r >= ' ' && r != 0x7f }
	not := func(ok func(rune) bool) func(rune) bool { return func(r rune) bool { return !ok(r) } }
	return strings.IndexFunc(name, not(token)) < 0 && strings.IndexFunc(value, not(visible)) < 0
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}

// PromQL returns the query, so that a simulation can run it for other times.
func (c Config) PromQL() string { return c.Query }

// Servers returns the server that receives the credentials.
func (c Config) Servers() []string { return []string{c.ServerAddress} }

// ownerOperator is the identityOwner that stands for the identity of the process.
const ownerOperator = "operator"

func (c Config) checkOwner() error {
	switch c.IdentityOwner {
	case "", "pod", ownerOperator:
		return nil
	}
	return invalid("identityOwner", fmt.Sprintf("%q is neither pod nor operator", c.IdentityOwner), "")
}
