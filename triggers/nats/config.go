package nats

import (
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
	NATSServerURL                string        `json:"natsServerURL" doc:"Where NATS clients connect, such as nats://nats.messaging:4222; several are separated by commas."`
	NATSServerMonitoringEndpoint string        `json:"natsServerMonitoringEndpoint" doc:"host:port of the server's monitoring, such as nats.messaging:8222; used instead of natsServerURL."`
	UseHTTPS                     bool          `json:"useHttps" doc:"Reach the monitoring endpoint over https."`
	Account                      string        `json:"account" doc:"Account that owns the stream, for the monitoring endpoint; one that was made with a JWT by its name or by its key."`
	Domain                       string        `json:"domain" doc:"JetStream domain of the stream, for natsServerURL."`
	Stream                       string        `json:"stream" required:"true" doc:"Name of the stream."`
	Consumer                     string        `json:"consumer" required:"true" doc:"Name of the consumer; it must exist."`
	LagThreshold                 scalers.Milli `json:"lagThreshold" doc:"Messages that one replica should have waiting."`
	ActivationLagThreshold       scalers.Milli `json:"activationLagThreshold" doc:"The trigger is active above this many messages; it matters between rest and one replica only."`
	UnsafeSSL                    bool          `json:"unsafeSsl" doc:"Accept any certificate."`
}

// globalAccount is the account of a server without accounts.
const globalAccount = "$G"

// defaults is the config of a user who set nothing.
func defaults() Config { return Config{LagThreshold: 10_000, Account: globalAccount} }

// Validate returns every mistake at once.
func (c Config) Validate() error {
	return errors.Join(
		c.checkServer(), c.checkURLs(), c.checkEndpoint(), checkName("domain", c.Domain), checkName("stream", c.Stream), checkName("consumer", c.Consumer),
		c.checkThreshold(),
	)
}

// Trigger says how the level is read.
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

// Servers are where credentials are sent.
func (c Config) Servers() []string {
	if c.NATSServerURL == "" {
		return []string{c.endpoint()}
	}
	return strings.Split(c.NATSServerURL, ",")
}

func (c Config) checkServer() error {
	switch {
	case c.NATSServerURL == "" && c.NATSServerMonitoringEndpoint == "":
		return wrong("natsServerURL", "is required, or natsServerMonitoringEndpoint", "")
	case c.NATSServerURL != "" && c.NATSServerMonitoringEndpoint != "":
		return wrong("natsServerMonitoringEndpoint", "is of no use beside natsServerURL", "remove one of them")
	case c.NATSServerURL == "" && c.UnsafeSSL && !c.UseHTTPS:
		return wrong("unsafeSsl", "needs natsServerURL or useHttps", "")
	case c.NATSServerURL == "" && c.Domain != "":
		return wrong("domain", "needs natsServerURL", "with the monitoring endpoint, name a server of that domain")
	case c.NATSServerURL != "" && c.UseHTTPS:
		return wrong("useHttps", "needs natsServerMonitoringEndpoint", "write tls:// in natsServerURL")
	case c.NATSServerURL != "" && c.Account != globalAccount:
		return wrong("account", "needs natsServerMonitoringEndpoint", "with natsServerURL the credentials decide the account")
	}
	return nil
}

func (c Config) checkURLs() error {
	if c.NATSServerURL == "" {
		return nil
	}
	if problem, suggestion := natsconn.CheckURLs(c.NATSServerURL); problem != "" {
		return wrong("natsServerURL", problem, suggestion)
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
		return wrong("natsServerMonitoringEndpoint", "holds credentials", "")
	case err != nil, u.Hostname() == "", u.RawQuery != "", strings.Contains(c.NATSServerMonitoringEndpoint, "//"):
		return wrong("natsServerMonitoringEndpoint", "is not host:port", "write HOST:8222")
	}
	return nil
}

func (c Config) checkThreshold() error {
	if c.LagThreshold <= 0 {
		return wrong("lagThreshold", "must be above 0", "")
	}
	return nil
}

// checkName refuses what JetStream does not allow in a name.
func checkName(field, name string) error {
	if strings.ContainsAny(name, ">*. /\\\t\r\n") {
		return wrong(field, fmt.Sprintf("%q cannot be a name: it has a blank or one of > * . / \\", name), "")
	}
	return nil
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
