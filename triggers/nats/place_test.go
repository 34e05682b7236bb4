package nats

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestPlace(t *testing.T) {
	t.Run("the authentication overrides the endpoint and the account of the metadata, as in KEDA", testAuthenticationOverridesPlace)
	t.Run("an endpoint that is missing or is none is unknown, and not repeated", testMissingEndpointIsUnknown)
	t.Run("another account takes effect at the next reading", testAnotherAccountTakesEffect)
}

func testAuthenticationOverridesPlace(t *testing.T) {
	for _, c := range []struct {
		config  Config
		secrets map[string]string
		want    string
	}{
		{Config{NATSServerMonitoringEndpoint: "a:1", Account: "$G"}, nil, "http://a:1 $G"},
		{Config{NATSServerMonitoringEndpoint: "a:1", Account: "$G", AccountID: "KEY"}, nil, "http://a:1 KEY"},
		{Config{NATSServerMonitoringEndpoint: "a:1", Account: "x"}, map[string]string{"account": "y"}, "http://a:1 y"},
		{Config{NATSServerMonitoringEndpoint: "a:1", Account: "x"}, map[string]string{"account": "y", "accountID": "KEY"}, "http://a:1 KEY"},
		{Config{Account: "$G", UseHTTPS: true}, map[string]string{"natsServerMonitoringEndpoint": "b:2\n"}, "https://b:2 $G"},
		{Config{NATSServerMonitoringEndpoint: "a:1", Account: "$G"}, map[string]string{"natsServerMonitoringEndpoint": "b:2"}, "http://b:2 $G"},
	} {
		at, err := c.config.place(t.Context(), triggertest.Secrets(c.secrets))
		if got := at.base.String() + " " + at.account; err != nil || got != c.want {
			t.Errorf("%+v with %v: got %s, %v, want %s", c.config, c.secrets, got, err, c.want)
		}
	}
}

func testMissingEndpointIsUnknown(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "nor has the authenticationRef", "hunter2:hunter2@a:1": "is not host:port", "hunter2//": "is not host:port",
	} {
		_, err := Config{Account: "$G"}.place(t.Context(), triggertest.Secrets(map[string]string{"natsServerMonitoringEndpoint": endpoint}))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got the error %v, want %q", err, want)
		}
	}
}

func testAnotherAccountTakesEffect(t *testing.T) {
	h := &fakeHub{accounts: []account{{Name: "a", ID: "KEY-1"}, {Name: "orders", ID: "KEY-333"}}}
	secrets := map[string]string{}
	r := h.monitor("nowhere")
	r.secrets = triggertest.Secrets(secrets)
	for name, want := range map[string]string{"a": "5", "orders": "7"} {
		secrets["account"] = name
		for range 2 {
			if b, err := r.Read(t.Context()); err != nil || b.level.String() != want {
				t.Errorf("account %s: got %v, %v, want %s", name, b.level, err, want)
			}
		}
	}
}
