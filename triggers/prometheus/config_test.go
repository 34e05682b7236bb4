package prometheus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("all mistakes are reported at once", testAllMistakesAreReportedAtOnce)
	t.Run("a good config has no mistake", testGoodConfigHasNoMistake)
	t.Run("the example decodes", testExampleDecodes)
	t.Run("the KEDA bridge reads a trigger with an identity in a cloud", testBridgeReadsTriggerWithIdentity)
}

func testMistakeNamesItsField(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Config)
		field   string
		problem string
	}{
		"no scheme":              {func(c *Config) { c.ServerAddress = "prometheus:9090" }, "serverAddress", "http"},
		"another scheme":         {func(c *Config) { c.ServerAddress = "ftp://prometheus" }, "serverAddress", "http"},
		"no host":                {func(c *Config) { c.ServerAddress = "http://:9090" }, "serverAddress", "http"},
		"not a URL":              {func(c *Config) { c.ServerAddress = "http://pro metheus" }, "serverAddress", "not a URL"},
		"credentials in the URL": {func(c *Config) { c.ServerAddress = "http://me:hunter2@prometheus" }, "serverAddress", "credentials"},
		"a query in the URL":     {func(c *Config) { c.ServerAddress = "http://prometheus?dedup=true" }, "serverAddress", "has a query or a fragment"},
		"a blank query":          {func(c *Config) { c.Query = " \n" }, "query", "blank"},
		"a threshold of 0":       {func(c *Config) { c.Threshold = 0 }, "threshold", "above 0"},
		"a negative threshold":   {func(c *Config) { c.Threshold = -1 }, "threshold", "above 0"},
		"no time":                {func(c *Config) { c.Timeout = 0 }, "timeout", "above 0"},
		"a short step":           {func(c *Config) { c.EvaluationStep = 100 * time.Millisecond }, "evaluationStep", "is 100ms"},
		"a negative step":        {func(c *Config) { c.EvaluationStep = -time.Second }, "evaluationStep", "is -1s"},
		"a long step":            {func(c *Config) { c.EvaluationStep = time.Hour }, "evaluationStep", "is 1h0m0s"},
		"a step between":         {func(c *Config) { c.EvaluationStep = time.Second + 1 }, "evaluationStep", "is 1.000000001s"},
		"partial and empty as 0": {func(c *Config) { c.AcceptPartial, c.IgnoreNullValues = true, true }, "acceptPartialResponse", "cannot be combined"},
		"no header value":        {func(c *Config) { c.CustomHeaders = []string{"X-Tenant"} }, "customHeaders", "key=value"},
		"no header name":         {func(c *Config) { c.CustomHeaders = []string{"a=b", "=c"} }, "customHeaders", "key=value"},
		"an impossible header":   {func(c *Config) { c.CustomHeaders = []string{"X Tenant=a"} }, "customHeaders", "cannot be a header"},
		"a header with a break":  {func(c *Config) { c.CustomHeaders = []string{"X-Tenant=a\r\nHost: b"} }, "customHeaders", "cannot be a header"},
		"a credential header":    {func(c *Config) { c.CustomHeaders = []string{"authorization=Bearer hunter2"} }, "customHeaders", "credentials"},
		"a header of the client": {func(c *Config) { c.CustomHeaders = []string{"Host=other"} }, "customHeaders", "set by the client"},
		"no parameter":           {func(c *Config) { c.QueryParameters = []string{"dedup"} }, "queryParameters", "key=value"},
		"another query":          {func(c *Config) { c.QueryParameters = []string{"query=up"} }, "queryParameters", "set by the trigger"},
		"an unknown mode":        {func(c *Config) { c.AuthModes = "digest" }, "authModes", "not supported"},
		"another name":           {func(c *Config) { c.AuthMode = "digest" }, "authModes", "not supported"},
		"another owner":          {func(c *Config) { c.IdentityOwner = "me" }, "identityOwner", "neither pod nor operator"},
		"two modes":              {func(c *Config) { c.AuthModes = "bearer,basic" }, "authModes", "exclude each other"},
		"no region":              {func(c *Config) { c.AWSRegion = "eu-west-1/aps" }, "awsRegion", "is not a region"},
		"a region and a mode":    {func(c *Config) { c.AWSRegion, c.AuthModes = "eu-west-1", "tls" }, "awsRegion", "cannot be combined with authModes"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configured("http://prometheus:9090")
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

func testAllMistakesAreReportedAtOnce(t *testing.T) {
	c := Config{ServerAddress: "x", Query: " ", CustomHeaders: []string{"a"}, QueryParameters: []string{"b", "query=1"}, AuthModes: "digest"}
	for _, field := range []string{"serverAddress", "query", "threshold", "timeout", "customHeaders", "queryParameters", "authModes"} {
		if err := c.Validate(); !strings.Contains(err.Error(), field) {
			t.Errorf("%s is missing in: %v", field, err)
		}
	}
}

func testGoodConfigHasNoMistake(t *testing.T) {
	c := configured("https://thanos.monitoring/select/0/prometheus")
	c.ActivationThreshold = -1000
	c.CustomHeaders, c.QueryParameters = []string{"X-Scope-OrgID=a", "X-Note=b c=d"}, []string{"dedup=true"}
	c.AuthModes, c.AcceptPartial, c.EvaluationStep = "basic", true, 15*time.Second
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if got := c.Trigger(); got.Target != c.Threshold || got.Activation != -1000 || got.Exact || got.Continuous {
		t.Errorf("the trigger is %+v", got)
	}
}

func testExampleDecodes(t *testing.T) {
	k := Kind()
	c, err := k.Decode(k.Example)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Trigger().Target; got != 100_000 {
		t.Errorf("the target is %v", got)
	}
	if _, err := k.Open(c, environment(nil)); err != nil {
		t.Error(err)
	}
}

func testBridgeReadsTriggerWithIdentity(t *testing.T) {
	azure := triggers.Login{Identity: triggers.PodIdentity{Provider: "azure-workload"}}
	for _, c := range []struct {
		owner, mode string
		login       triggers.Login
		want        string
	}{
		{"", "", triggers.Login{}, ""},
		{"pod", "", triggers.Login{}, ""},
		{"operator", "", triggers.Login{}, "identityOwner operator"},
		{"operator", "basic", triggers.Login{}, ""}, // As in KEDA, the identity is not used then.
		{"operator", "", azure, "the podIdentity azure-workload of its authentication"},
		{"", "basic", azure, "the podIdentity azure-workload of its authentication"},
	} {
		config := configured("http://a")
		config.IdentityOwner, config.AuthMode = c.owner, c.mode
		if got := Kind().Limit(config, c.login); got.Feature != c.want {
			t.Errorf("owner %q, mode %q, %+v: got %q, want %q", c.owner, c.mode, c.login, got.Feature, c.want)
		}
	}
}
