package nats

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// Config is the metadata of a nats-jetstream trigger.
type Config struct {
	NATSServerURL                string        `json:"natsServerURL" doc:"Addresses for NATS clients, such as nats://nats.messaging:4222, separated by commas."`
	NATSServerMonitoringEndpoint string        `json:"natsServerMonitoringEndpoint" doc:"host:port of the server's monitoring endpoint, such as nats.messaging:8222, instead of natsServerURL. It may be in the authenticationRef instead."`
	UseHTTPS                     bool          `json:"useHttps" doc:"Use https for the monitoring endpoint."`
	Account                      string        `json:"account" doc:"Account of the stream, with the monitoring endpoint: its name, or its key if it was created with a JWT."`
	AccountID                    string        `json:"accountID" doc:"Key or name of the account, instead of account."`
	Domain                       string        `json:"domain" doc:"JetStream domain of the stream, with natsServerURL."`
	Stream                       string        `json:"stream" required:"true" doc:"Name of the stream."`
	Consumer                     string        `json:"consumer" required:"true" doc:"Name of the consumer, which must exist."`
	LagThreshold                 scalers.Milli `json:"lagThreshold" doc:"Target number of waiting messages: per replica (metricType AverageValue, the default), or in total (Value)."`
	ActivationLagThreshold       scalers.Milli `json:"activationLagThreshold" doc:"The trigger is active above this number of messages. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	UnsafeSSL                    bool          `json:"unsafeSsl" doc:"Accept any certificate."`
}

// globalAccount is the account that a server without configured accounts uses.
const globalAccount = "$G"

// defaults returns the config for empty metadata.
func defaults() Config { return Config{LagThreshold: 10_000, Account: globalAccount} }

// Validate returns all mistakes.
func (c Config) Validate() error {
	return errors.Join(
		c.checkServer(), c.checkURLs(), c.checkEndpoint(), checkName("domain", c.Domain), checkName("stream", c.Stream), checkName("consumer", c.Consumer),
		c.checkThreshold(),
	)
}

// Trigger divides the level by the threshold.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.LagThreshold, Activation: c.ActivationLagThreshold}
}

// endpoint returns the base URL of the monitoring endpoint.
func (c Config) endpoint() string {
	if c.UseHTTPS {
		return "https://" + c.NATSServerMonitoringEndpoint
	}
	return "http://" + c.NATSServerMonitoringEndpoint
}

// account returns the name or the key of the account.
func (c Config) account() string { return cmp.Or(c.AccountID, c.Account) }

// Servers returns the servers that receive the credentials; none if the authenticationRef names the monitoring endpoint.
func (c Config) Servers() []string {
	switch {
	case c.NATSServerURL == "" && c.NATSServerMonitoringEndpoint == "":
		return nil
	case c.NATSServerURL == "":
		return []string{c.endpoint()}
	}
	return strings.Split(c.NATSServerURL, ",")
}

func (c Config) checkServer() error {
	switch {
	case c.NATSServerURL != "" && c.NATSServerMonitoringEndpoint != "":
		return invalid("natsServerMonitoringEndpoint", "has no effect with natsServerURL", "remove one of them")
	case c.NATSServerURL == "" && c.UnsafeSSL && !c.UseHTTPS:
		return invalid("unsafeSsl", "needs natsServerURL or useHttps", "")
	case c.NATSServerURL == "" && c.Domain != "":
		return invalid("domain", "needs natsServerURL", "with the monitoring endpoint, use a server of that domain")
	case c.NATSServerURL != "" && c.UseHTTPS:
		return invalid("useHttps", "needs natsServerMonitoringEndpoint", "write tls:// in natsServerURL")
	case c.NATSServerURL != "" && c.AccountID != "":
		return invalid("accountID", "needs natsServerMonitoringEndpoint", "with natsServerURL the credentials decide the account")
	case c.NATSServerURL != "" && c.Account != globalAccount:
		return invalid("account", "needs natsServerMonitoringEndpoint", "with natsServerURL the credentials decide the account")
	}
	return nil
}

func (c Config) checkURLs() error {
	if c.NATSServerURL == "" {
		return nil
	}
	if problem, suggestion := natsconn.CheckURLs(c.NATSServerURL); problem != "" {
		return invalid("natsServerURL", problem, suggestion)
	}
	return nil
}

func (c Config) checkEndpoint() error {
	if c.NATSServerMonitoringEndpoint == "" {
		return nil
	}
	u, err := url.Parse(c.endpoint())
	switch {
	case err == nil && u.User != nil:
		return invalid("natsServerMonitoringEndpoint", "contains credentials", "")
	case err != nil, u.Hostname() == "", u.RawQuery != "", strings.Contains(c.NATSServerMonitoringEndpoint, "//"):
		return invalid("natsServerMonitoringEndpoint", "is not host:port", "write HOST:8222")
	}
	return nil
}

func (c Config) checkThreshold() error {
	if c.LagThreshold <= 0 {
		return invalid("lagThreshold", "must be above 0", "")
	}
	return nil
}

// checkName returns an error for a name that JetStream does not allow.
func checkName(field, name string) error {
	if strings.ContainsAny(name, ">*. /\\\t\r\n") {
		return invalid(field, fmt.Sprintf("%q cannot be a name: it has a blank or one of > * . / \\", name), "")
	}
	return nil
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
