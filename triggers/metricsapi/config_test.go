package metricsapi

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("the defaults are KEDA's", testDefaultsAreKEDAs)
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("the URL names a Service and its namespace", testURLNamesServiceAndItsNamespace)
	t.Run("only the same parameters and credentials share a reading", testOnlySameParametersAndCredentialsShareReading)
}

func testDefaultsAreKEDAs(t *testing.T) {
	c := decode(t, metadata("http://orders:8080/stats", "activationTargetValue", "3.8", "targetValue", "8.8"))
	if got := c.Trigger(); got.Target != 8800 || got.Activation != 3800 || got.Continuous || got.PerPod || got.Exact {
		t.Errorf("got the trigger %+v, want a sampled one with the target 8.8 and the activation 3.8", got)
	}
	if c.Format != "json" || c.Timeout != 3*time.Second || c.AggregationType != "average" || c.Aggregate || c.UnsafeSSL || len(c.AuthMode) > 0 {
		t.Errorf("got %+v, want KEDA's defaults", c)
	}
	if got := c.Servers(); len(got) != 1 || got[0] != "http://orders:8080/stats" {
		t.Errorf("got the servers %q, want that of the URL", got)
	}
}

func testMistakeNamesItsField(t *testing.T) {
	for name, c := range map[string]struct{ key, value, problem string }{
		"no URL":               {"url", " ", "is empty"},
		"not a URL":            {"url", "http://a b", "is not a URL"},
		"another scheme":       {"url", "ftp://orders/stats", "is not an http or https URL"},
		"no host":              {"url", "http:///stats", "is not an http or https URL"},
		"no location":          {"valueLocation", "", "is empty"},
		"a bad path":           {"valueLocation", "{a,b}", "joins several paths"},
		"no target":            {"targetValue", "0", "above 0"},
		"a negative target":    {"targetValue", "-1", "above 0"},
		"a text as target":     {"targetValue", "many", "many"},
		"another format":       {"format", "JSON", `"JSON" is not supported`},
		"no timeout":           {"timeout", "0", "above 0"},
		"another mode":         {"authMode", "oauth", `"oauth" is not supported`},
		"another mode, too":    {"authModes", "apiKey,digest", `"digest" is not supported`},
		"two of one header":    {"authMode", "basic,bearer", "both basic and bearer"},
		"another method":       {"method", "body", `"body" is not supported`},
		"a bad header":         {"keyParamName", "X Key", "cannot be a header"},
		"another aggregation":  {"aggregationType", "median", `"median" is not supported`},
		"a bad boolean":        {"aggregateFromKubeServiceEndpoints", "perhaps", "not a boolean"},
		"a negative timeout":   {"timeout", "-1", "above 0"},
		"not the key's name":   {"apikey", "x", "not a parameter"},
		"a path that is a bit": {"valueLocation", "a.#(b", "does not end"},
	} {
		_, err := Kind().Decode(metadata("http://orders:8080", c.key, c.value))
		all := triggers.FieldErrors(err)
		if len(all) != 1 || all[0].Field != c.key || !strings.Contains(all[0].Problem, c.problem) {
			t.Errorf("%s: got %v, want one mistake in %s about %q", name, err, c.key, c.problem)
		}
	}
	if _, err := Kind().Decode(metadata("http://orders:8080", "method", "query", "keyParamName", "the key")); err != nil {
		t.Errorf("a query parameter with a blank: got %v, want none", err)
	}
}

func testURLNamesServiceAndItsNamespace(t *testing.T) {
	for text, want := range map[string]triggers.Service{
		"http://orders.shop:8080/stats": {Namespace: "shop", Name: "orders"}, "https://orders.shop.svc": {Namespace: "shop", Name: "orders"},
		"http://Orders.Shop.svc.cluster.local/": {Namespace: "shop", Name: "orders"},
		"http://orders:8080":                    {}, "http://10.0.0.1:8080": {}, "http://[fd00::1]": {}, "http://orders..svc": {}, "http://-orders.shop": {}, "http://orders.shop_x": {},
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := serviceOf(u); got != want || ok != (want != triggers.Service{}) {
			t.Errorf("%s: got %+v, %t, want %+v", text, got, ok, want)
		}
		_, err = Kind().Decode(metadata(text, "aggregateFromKubeServiceEndpoints", "true"))
		if (err == nil) != (want != triggers.Service{}) {
			t.Errorf("%s: got the mistake %v, want one only if it names no Service", text, err)
		}
	}
}

func testOnlySameParametersAndCredentialsShareReading(t *testing.T) {
	env := environment(nil)
	base := decode(t, metadata("http://orders.shop"))
	if other := decode(t, metadata("http://orders.shop", "targetValue", "99", "activationTargetValue", "5")); key(base, env) != key(other, env) {
		t.Error("got other readings for another target, want the same")
	}
	keys := map[string]string{key(base, env): "nothing"}
	add := func(what string, c Config, env triggers.Env) {
		k := key(c, env)
		if same, ok := keys[k]; ok {
			t.Errorf("a change of %s and one of %s share a reading", what, same)
		}
		keys[k] = what
	}
	for _, pair := range [][2]string{
		{"url", "http://orders.shop/x"},
		{"valueLocation", "x"},
		{"format", "yaml"},
		{"timeout", "1s"},
		{"unsafeSsl", "true"},
		{"aggregateFromKubeServiceEndpoints", "true"},
		{"aggregationType", "sum"},
		{"authMode", "basic"},
		{"authModes", "basic"},
		{"method", "query"},
		{"keyParamName", "x"},
		{"apiKey", "x"},
	} {
		add(pair[0], decode(t, metadata("http://orders.shop", pair[0], pair[1])), env)
	}
	env.Credentials = "secret/orders"
	add("the credentials", base, env)
}
