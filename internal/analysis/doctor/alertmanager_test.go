package doctor_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
)

func TestAlertmanager(t *testing.T) {
	t.Run("each fault of a route is named with its remedy", testEachFaultOfRouteIsNamedWithItsRemedy)
	t.Run("a file that is no configuration is refused with its line", testFileThatIsNoConfigurationIsRefused)
	t.Run("an AlertmanagerConfig is judged with its own names of fields", testAlertmanagerConfigIsJudged)
}

// goodRoute is the route of triggers/alertmanager/README.md.
const goodRoute = `route:
  receiver: default
  routes:
  - receiver: impulse
    matchers: ['severity="scale"']
    group_by: [alertname, namespace]
    group_wait: 0s
    group_interval: 10s
    repeat_interval: 1m
    continue: true
  - receiver: default
receivers:
- name: default
- name: impulse
  webhook_configs:
  - url: http://impulse.impulse-system/v1/alertmanager/shop
    send_resolved: true
    max_alerts: 0
    http_config:
      authorization: {credentials_file: /etc/alertmanager/impulse-token}
`

func testEachFaultOfRouteIsNamedWithItsRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		old, new        string
		result          doctor.Result
		message, remedy string
	}{
		"no resolves":         {"send_resolved: true", "send_resolved: false", doctor.Problem, "the webhook of receiver impulse has send_resolved: false", "set send_resolved: true"},
		"truncated":           {"max_alerts: 0", "max_alerts: 10", doctor.Warning, "has max_alerts 10", "set max_alerts: 0"},
		"a wait":              {"    group_wait: 0s\n", "", doctor.Warning, "has group_wait 30s", "set group_wait: 0s"},
		"an interval":         {"group_interval: 10s", "group_interval: 5m", doctor.Warning, "has group_interval 5m", "set group_interval: 10s"},
		"a long repeat":       {"repeat_interval: 1m", "repeat_interval: 4m", doctor.Warning, "repeat_interval 4m, and trigger slow of ScaledObject shop/web has ttl 3m: an alert becomes stale", "ttl: 12m"},
		"a very long repeat":  {"    repeat_interval: 1m\n", "", doctor.Problem, "repeat_interval 4h, and trigger slow of ScaledObject shop/web has ttl 3m: an alert that still fires ends", "set repeat_interval: 1m"},
		"no continue":         {"continue: true", "continue: false", doctor.Warning, "does not continue", "set continue: true"},
		"muted":               {"    continue: true", "    continue: true\n    mute_time_intervals: [night]", doctor.Warning, "has mute or active time intervals", "remove them"},
		"shadowed":            {"  - receiver: impulse\n", "  - receiver: default\n  - receiver: impulse\n", doctor.Problem, "gets no alert: an earlier route matches every alert", "move the route"},
		"no credentials":      {"authorization: {credentials_file: /etc/alertmanager/impulse-token}", "follow_redirects: true", doctor.Problem, "has no credentials", "authorization.credentials_file"},
		"a misspelt path":     {"- name: default\n", "- name: default\n- name: misspelt\n  webhook_configs: [{url: 'http://impulse.impulse-system/v1/alertmanagr/shop'}]\n", doctor.Problem, "receiver misspelt posts to /v1/alertmanagr/shop, which is no path of Impulse", "/v1/alertmanager/NAMESPACE"},
		"no path":             {"- name: default\n", "- name: default\n- name: bare\n  webhook_configs: [{url: 'http://impulse.impulse-system/'}]\n", doctor.Problem, "receiver bare posts to /, which is no path", "/v1/alertmanager/NAMESPACE"},
		"another host":        {"http://impulse.impulse-system/", "https://scale.example.com/", doctor.Unknown, "whether Impulse listens there, and needs credentials, is not known", "impulse send alert --server"},
		"another Service":     {"http://impulse.", "http://impuls.", doctor.Problem, "posts to http://impuls.impulse-system, where Impulse does not listen", "set the URL to http://impulse.impulse-system/v1/alertmanager/shop"},
		"another port":        {"impulse-system/", "impulse-system:8080/", doctor.Problem, "where Impulse does not listen", "http://impulse.impulse-system/"},
		"another namespace":   {"alertmanager/shop", "alertmanager/shpo", doctor.Warning, "posts for namespace shpo, in which no trigger waits for alerts", "correct the namespace"},
		"the cluster":         {"alertmanager/shop", "alertmanager", doctor.Warning, "no trigger has scope: cluster", "NAMESPACE"},
		"no route":            {"  - receiver: impulse\n", "  - receiver: default\n", doctor.Problem, "no route has a receiver with a webhook to Impulse", "README.md"},
		"no webhook":          {"/v1/alertmanager/shop", "/hook", doctor.Problem, "no receiver has a webhook to /v1/alertmanager", "README.md"},
		"what the API prints": {"http://impulse.impulse-system/v1/alertmanager/shop", "<secret>", doctor.Unknown, "the URLs of webhooks are masked", "give the file itself"},
	} {
		content := strings.Replace(goodRoute, c.old, c.new, 1)
		if content == goodRoute {
			t.Fatalf("%s: the route has no %q", name, c.old)
		}
		f := fault{func(in *doctor.Installation) {
			r, err := doctor.ReadAlertmanagerFile("alertmanager.yml", []byte(content))
			if err != nil {
				t.Fatal(name, err)
			}
			in.Routings.Value = []doctor.Routing{r}
		}, "alertmanager", c.result, c.message, c.remedy}
		f.expect(t, name)
	}
	f := fault{func(in *doctor.Installation) { in.Routings.Value = nil }, "alertmanager", doctor.Unknown, "1 triggers wait for alerts", "--alertmanager-config"}
	f.expect(t, "no configuration")
}

func testFileThatIsNoConfigurationIsRefused(t *testing.T) {
	for content, want := range map[string]string{
		"":                               "a.yml: it has no route: expected the configuration of an Alertmanager",
		"kind: Secret\n":                 "a.yml: it has no route",
		"route: {group_wait: soon}":      `a.yml: not a valid duration string: "soon"`,
		"route: {receiver: [a]}\n":       "a.yml: yaml: unmarshal errors:\n  line 1: ",
		"route:\n  receiver: a\n b: c\n": "a.yml: yaml: line ",
	} {
		if _, err := doctor.ReadAlertmanagerFile("a.yml", []byte(content)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got error %v, want %s", content, err, want)
		}
	}
}

func testAlertmanagerConfigIsJudged(t *testing.T) {
	const config = `
metadata: {namespace: shop, name: impulse}
spec:
  route: {receiver: impulse, groupWait: 0s, matchers: [{name: severity, value: scale}]}
  receivers:
  - name: impulse
    webhookConfigs:
    - {url: "http://impulse.impulse-system/v1/alertmanager/shop", sendResolved: false, maxAlerts: 5, httpConfig: {authorization: {credentials: {name: token, key: token}}}}
`
	var object map[string]any
	if err := yaml.Unmarshal([]byte(config), &object); err != nil {
		t.Fatal(err)
	}
	routing, ours, err := doctor.ReadAlertmanagerConfig(object)
	if err != nil || !ours {
		t.Fatalf("got %t, error %v, want one of Impulse", ours, err)
	}
	in := healthy(t)
	in.Routings.Value = []doctor.Routing{routing}
	var got []string
	for _, f := range doctor.Diagnose(in) {
		if f.Check == "alertmanager" {
			got = append(got, string(f.Result)+" "+f.Remedy)
		}
	}
	want := "warning set groupInterval: 10s; warning set repeatInterval: 1m, and ttl: 3m in the triggers; problem set sendResolved: true; warning set maxAlerts: 0"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, "; "), want)
	}
}
