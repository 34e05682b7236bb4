package nats

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("a good config has no mistake", testGoodConfigHasNoMistake)
	t.Run("lag is the pending plus the unacknowledged messages", testLagIsPendingPlusUnacknowledgedMessages)
}

func configured(url string) Config {
	c := defaults()
	c.NATSServerURL, c.Stream, c.Consumer = url, "WORK", "workers"
	return c
}

func monitored(endpoint string) Config {
	c := configured("")
	c.NATSServerMonitoringEndpoint = endpoint
	return c
}

func testMistakeNamesItsField(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Config)
		field   string
		problem string
	}{
		"an ID of an account":     {func(c *Config) { c.AccountID = "A" }, "accountID", "needs natsServerMonitoringEndpoint"},
		"two servers":             {func(c *Config) { c.NATSServerMonitoringEndpoint = "nats:8222" }, "natsServerMonitoringEndpoint", "no effect"},
		"https without endpoint":  {func(c *Config) { c.UseHTTPS = true }, "useHttps", "needs"},
		"account without use":     {func(c *Config) { c.Account = "A" }, "account", "needs"},
		"no scheme":               {func(c *Config) { c.NATSServerURL = "nats:4222" }, "natsServerURL", "URL"},
		"another scheme":          {func(c *Config) { c.NATSServerURL = "http://nats:4222" }, "natsServerURL", "URL"},
		"a bad second":            {func(c *Config) { c.NATSServerURL = "nats://a:4222, b" }, "natsServerURL", "URL"},
		"no URL at all":           {func(c *Config) { c.NATSServerURL = "nats://a b" }, "natsServerURL", "URL"},
		"credentials in the URL":  {func(c *Config) { c.NATSServerURL = "nats://me:hunter2@nats" }, "natsServerURL", "credentials"},
		"a token in the URL":      {func(c *Config) { c.NATSServerURL = "nats://hunter2@nats" }, "natsServerURL", "credentials"},
		"a wildcard stream":       {func(c *Config) { c.Stream = "WORK.*" }, "stream", "name"},
		"a consumer with a blank": {func(c *Config) { c.Consumer = "a b" }, "consumer", "name"},
		"a threshold of 0":        {func(c *Config) { c.LagThreshold = 0 }, "lagThreshold", "above 0"},
		"a URL as endpoint":       {func(c *Config) { *c = monitored("http://nats:8222") }, "natsServerMonitoringEndpoint", "host:port"},
		"a query in the endpoint": {func(c *Config) { *c = monitored("nats:8222?acc=x") }, "natsServerMonitoringEndpoint", "host:port"},
		"a user in the endpoint":  {func(c *Config) { *c = monitored("me:hunter2@nats:8222") }, "natsServerMonitoringEndpoint", "credentials"},
		"a port without a host":   {func(c *Config) { *c = monitored(":8222") }, "natsServerMonitoringEndpoint", "host:port"},
		"a domain for monitoring": {func(c *Config) { *c = monitored("nats:8222"); c.Domain = "hub" }, "domain", "needs"},
		"a domain with a dot":     {func(c *Config) { c.Domain = "hub.>" }, "domain", "name"},
		"unsafe monitoring":       {func(c *Config) { *c = monitored("nats:8222"); c.UnsafeSSL = true }, "unsafeSsl", "needs"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configured("nats://nats:4222")
			c.change(&config)
			var mistake *triggers.FieldError
			if err := config.Validate(); !errors.As(err, &mistake) || mistake.Field != c.field || !strings.Contains(mistake.Problem, c.problem) {
				t.Errorf("got %v, want a mistake in %s about %q", err, c.field, c.problem)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message shows a credential: %v", err)
			}
		})
	}
}

func testGoodConfigHasNoMistake(t *testing.T) {
	k := Kind()
	for name, metadata := range map[string]map[string]string{
		"the example":  k.Example,
		"several URLs": {"natsServerURL": "tls://a:4222, wss://b", "stream": "S", "consumer": "C", "unsafeSsl": "true"},
		"in the login": {"account": "orders", "stream": "S", "consumer": "C"},
		"a key":        {"natsServerMonitoringEndpoint": "a:8222", "accountID": "A", "stream": "S", "consumer": "C"},
		"a domain":     {"natsServerURL": "nats://a:4222", "domain": "hub", "stream": "S", "consumer": "C"},
		"over https, to any server": {
			"natsServerMonitoringEndpoint": "nats:8222", "useHttps": "true", "unsafeSsl": "true", "stream": "S", "consumer": "C",
		},
		"as KEDA has it": {
			"natsServerMonitoringEndpoint": "nats.nats.svc.cluster.local:8222", "account": "$G", "stream": "S", "consumer": "C",
			"lagThreshold": "10", "activationLagThreshold": "15", "useHttps": "false",
		},
	} {
		c, err := k.Decode(metadata)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := c.Trigger(); got.Target != 10_000 || got.Exact || got.Continuous {
			t.Errorf("%s: the trigger is %+v", name, got)
		}
	}
}

func testLagIsPendingPlusUnacknowledgedMessages(t *testing.T) {
	for _, c := range []struct {
		pending        uint64
		unacknowledged int64
		want           scalers.Milli
	}{
		{0, 0, 0},
		{7, 5, 12_000},
		{math.MaxUint64, 5, math.MaxInt64},
		{5, math.MaxInt64, math.MaxInt64},
		{math.MaxInt64 / 1000, 0, math.MaxInt64 / 1000 * 1000},
		{math.MaxInt64 / 1000, 1, math.MaxInt64},
	} {
		if got, err := lag(c.pending, c.unacknowledged); err != nil || got != c.want {
			t.Errorf("%d and %d are %v, %v; want %v", c.pending, c.unacknowledged, got, err, c.want)
		}
	}
	if got, err := lag(1, -1); err == nil {
		t.Errorf("a negative count is %v, want unknown", got)
	}
}
