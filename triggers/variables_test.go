package triggers

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestVariables(t *testing.T) {
	t.Run("a parameter may be the name of an environment variable", testParameterMayBeNameOfEnvironmentVariable)
	t.Run("a mistake in the name of a variable is reported", testMistakeInNameOfVariableIsReported)
	t.Run("a kind that allows all keys gets the value under the key as it is written", testKindThatAllowsAllKeysGetsValueUnderKeyAsItIsWritten)
}

// placeConfig has a required text.
type placeConfig struct {
	Host string `json:"host" required:"true" doc:"A host."`
	Port int    `json:"port" doc:"A port."`
}

// listConfig has a list.
type listConfig struct {
	Hosts []string `json:"hosts" required:"true" doc:"Hosts."`
}

func (listConfig) Validate() error { return nil }

func (listConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

func (c placeConfig) Validate() error {
	if !strings.HasSuffix(c.Host, ".shop") {
		return &FieldError{Field: "host", Problem: "is not in shop"}
	}
	return nil
}

func (placeConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

// placeKind reads the parameter password from an authenticationRef.
func placeKind() Kind {
	k := Define("place", "Reads a place.", placeConfig{Port: 80}, func(placeConfig, Env) (Source, error) { return nil, nil })
	k.Auth = []AuthParameter{{Name: "password", Doc: "A password."}}
	return k
}

func testParameterMayBeNameOfEnvironmentVariable(t *testing.T) {
	k, metadata := placeKind(), map[string]string{"hostFromEnv": "HOST", "port": "81", "passwordFromEnv": " PASSWORD "}
	c, err := k.Decode(metadata)
	if err != nil || c != (placeConfig{Port: 81}) {
		t.Fatalf("got %+v, error %v; want the port 81, and no host yet", c, err)
	}
	v := k.Variables(metadata)
	if !maps.Equal(v.Metadata, map[string]string{"host": "HOST"}) || !maps.Equal(v.Auth, map[string]string{"password": "PASSWORD"}) {
		t.Errorf("got the variables %+v, want HOST and PASSWORD", v)
	}
	if c, err = k.DecodeWith(metadata, map[string]string{"host": "db.shop"}); err != nil || c != (placeConfig{"db.shop", 81}) {
		t.Errorf("with its value: got %+v, error %v; want the host db.shop", c, err)
	}
	if _, err = k.DecodeWith(metadata, map[string]string{"host": "db.other"}); err == nil {
		t.Error("with a value that is not valid: got no error")
	}
	list := Define("list", "Reads a list.", listConfig{}, func(listConfig, Env) (Source, error) { return nil, nil })
	c, err = list.DecodeWith(map[string]string{"hostsFromEnv": "HOSTS"}, map[string]string{"hosts": "a, b"})
	if hosts, _ := c.(listConfig); err != nil || !slices.Equal(hosts.Hosts, []string{"a", "b"}) {
		t.Errorf("a list: got %+v, error %v; want a and b", c, err)
	}
	if v := k.Variables(map[string]string{"host": "db.shop"}); v.Metadata != nil || v.Auth != nil {
		t.Errorf("without variables: got %+v, want none", v)
	}
}

func testMistakeInNameOfVariableIsReported(t *testing.T) {
	for want, metadata := range map[string]map[string]string{
		"hostFromEnv: host is given as well":              {"host": "db.shop", "hostFromEnv": "HOST"},
		"hostFromEnv: is empty":                           {"hostFromEnv": " "},
		"portFromEnv: is not a parameter of this trigger": {"host": "db.shop", "portFromEnv": "PORT"},
		"hotsFromEnv: is not a parameter of this trigger": {"host": "db.shop", "hotsFromEnv": "HOST"},
		"FromEnv: is not a parameter of this trigger":     {"host": "db.shop", "FromEnv": "HOST"},
		"port: \"x\" is not a whole number":               {"hostFromEnv": "HOST", "port": "x"},
		"passwordFromEnv: is empty":                       {"host": "db.shop", "passwordFromEnv": ""},
	} {
		if c, err := placeKind().Decode(metadata); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %+v, error %v; want %s", metadata, c, err, want)
		}
	}
}

// openConfig allows all keys.
type openConfig struct {
	Address string            `json:"address" required:"true" doc:"An address."`
	All     map[string]string `json:"*" doc:"All other keys."`
}

func (openConfig) Validate() error { return nil }

func (openConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

func testKindThatAllowsAllKeysGetsValueUnderKeyAsItIsWritten(t *testing.T) {
	k := Define("open", "Passes all on.", openConfig{}, func(openConfig, Env) (Source, error) { return nil, nil })
	metadata := map[string]string{"address": "a:1", "queueFromEnv": "QUEUE"}
	if v := k.Variables(metadata); !maps.Equal(v.Metadata, map[string]string{"queue": "QUEUE"}) {
		t.Errorf("got the variables %+v, want QUEUE", v)
	}
	c, err := k.DecodeWith(metadata, map[string]string{"queue": "orders"})
	want := map[string]string{"address": "a:1", "queueFromEnv": "orders"}
	if got, _ := c.(openConfig); err != nil || !maps.Equal(got.All, want) {
		t.Errorf("got %+v, error %v; want %v", c, err, want)
	}
}
