package metricsapi

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a metrics-api trigger.
type Config struct {
	URL                   string        `json:"url" required:"true" doc:"URL that is requested with GET, such as http://orders.shop:8080/api/stats. Everybody who may read the object can read a USER:PASSWORD@ in it, so authMode is better."`
	ValueLocation         string        `json:"valueLocation" required:"true" doc:"Where the number is in the answer: a path of GJSON such as queue.waiting (json), a selector of one series such as queue_length{name=\"mail\"} (prometheus), or names separated by dots (xml, yaml)."`
	TargetValue           scalers.Milli `json:"targetValue" required:"true" doc:"Target of the number: per replica with metricType AverageValue (the default), of the workload with Value."`
	ActivationTargetValue scalers.Milli `json:"activationTargetValue" doc:"The trigger is active above this number. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	Format                string        `json:"format" doc:"Format of the answer: json, prometheus, xml or yaml."`
	Timeout               time.Duration `json:"timeout" doc:"Maximum duration of one request, such as 2s or 500ms; a number alone is in milliseconds."`
	UnsafeSSL             bool          `json:"unsafeSsl" doc:"Accept any certificate."`
	Aggregate             bool          `json:"aggregateFromKubeServiceEndpoints" doc:"Ask each ready pod of a Service instead of one. The host of url is SERVICE.NAMESPACE, and its port is that of the pods."`
	AggregationType       string        `json:"aggregationType" doc:"With aggregateFromKubeServiceEndpoints, the level: average, sum, max or min of the pods' numbers."`
	Login
}

// Login is the metadata that say how the client proves who it is.
type Login struct {
	AuthMode     []string `json:"authMode" doc:"How the client proves who it is, with parameters of the authenticationRef: apiKey, basic, bearer, custom and tls, or several, separated by commas."`
	AuthModes    []string `json:"authModes" doc:"Another name of authMode. If both are set, authModes takes precedence."`
	Method       string   `json:"method" doc:"With authMode apiKey: send the key in a header or in the query of the URL. The default is header."`
	KeyParamName string   `json:"keyParamName" doc:"With authMode apiKey: name of the header or of the query parameter. The default is X-API-KEY for a header and api_key for a query parameter."`
	APIKey       string   `json:"apiKey" doc:"With authMode apiKey: the key. Everybody who may read the object can read it here, so an authenticationRef is better."`
}

// loginValues returns all parameters as texts.
func (l Login) loginValues() []string {
	return []string{strings.Join(l.AuthMode, ","), strings.Join(l.AuthModes, ","), l.Method, l.KeyParamName, l.APIKey}
}

// The ways to send an API key, and their default names.
const (
	inHeader, inQuery         = "header", "query"
	defaultHeader, defaultKey = "X-API-KEY", "api_key"
)

// The aggregations of the pods' numbers.
const (
	average = "average"
	sum     = "sum"
	highest = "max"
	lowest  = "min"
)

// defaults returns the config for empty metadata. The timeout is that of KEDA's HTTP client.
func defaults() Config {
	return Config{Format: formatJSON, Timeout: 3 * time.Second, AggregationType: average}
}

// Validate returns all mistakes.
func (c Config) Validate() error {
	return errors.Join(c.checkURL(), c.checkLocation(), c.checkNumbers(), c.checkAggregation(), c.checkLogin())
}

// Trigger divides the level by the target.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.TargetValue, Activation: c.ActivationTargetValue}
}

// Servers returns the server that receives the credentials. Those of a Service's pods are behind it.
func (c Config) Servers() []string { return []string{c.URL} }

func (c Config) checkURL() error {
	if c.URL == "" {
		return nil // The decoder reports that it is required.
	}
	u, err := url.Parse(strings.TrimSpace(c.URL))
	switch {
	case err != nil:
		return invalid("url", "is not a URL", "")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return invalid("url", "is not an http or https URL", "write http://HOST:PORT/PATH")
	}
	if _, ok := serviceOf(u); c.Aggregate && !ok {
		return invalid("url", "does not name a Service and its namespace", "write http://SERVICE.NAMESPACE:PORT/PATH")
	}
	return nil
}

// serviceOf returns the Service in a URL of the form http://SERVICE.NAMESPACE[.svc[.DOMAIN]].
func serviceOf(u *url.URL) (triggers.Service, bool) {
	host := strings.ToLower(u.Hostname())
	parts := strings.SplitN(host, ".", 3)
	if net.ParseIP(host) != nil || len(parts) < 2 || len(validation.IsDNS1123Label(parts[0])) > 0 || len(validation.IsDNS1123Label(parts[1])) > 0 {
		return triggers.Service{}, false
	}
	return triggers.Service{Namespace: parts[1], Name: parts[0]}, true
}

func (c Config) checkLocation() error {
	if !slices.Contains([]string{formatJSON, formatPrometheus, formatXML, formatYAML}, c.Format) {
		return invalid("format", fmt.Sprintf("%q is not supported", c.Format), "write json, prometheus, xml or yaml")
	}
	if c.ValueLocation == "" {
		return nil // The decoder reports that it is required.
	}
	if _, problem := newFinder(c.Format, c.ValueLocation); problem != "" {
		return invalid("valueLocation", problem, "")
	}
	return nil
}

func (c Config) checkNumbers() error {
	var all []error
	if c.TargetValue <= 0 {
		all = append(all, invalid("targetValue", "must be above 0", ""))
	}
	if c.Timeout <= 0 {
		all = append(all, invalid("timeout", "must be above 0", ""))
	}
	return errors.Join(all...)
}

func (c Config) checkAggregation() error {
	if !slices.Contains([]string{average, sum, highest, lowest}, c.AggregationType) {
		return invalid("aggregationType", fmt.Sprintf("%q is not supported", c.AggregationType), "write average, sum, max or min")
	}
	return nil
}

func (l Login) checkLogin() error {
	var all []error
	for i, modes := range [][]string{l.AuthMode, l.AuthModes} {
		if problem := checkModes(modes); problem != "" {
			all = append(all, invalid([]string{"authMode", "authModes"}[i], problem, "write one or more of "+strings.Join(allModes, ", ")))
		}
	}
	if problem := checkMethod(l.Method); problem != "" {
		all = append(all, invalid("method", problem, "write header or query"))
	}
	if l.Method != inQuery && l.KeyParamName != "" && !httpguts.ValidHeaderFieldName(l.KeyParamName) {
		all = append(all, invalid("keyParamName", fmt.Sprintf("%q cannot be a header", l.KeyParamName), ""))
	}
	return errors.Join(all...)
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
