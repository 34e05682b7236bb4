package alertmanager

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestReconcile(t *testing.T) {
	t.Run("one response is enough to record alerts, and all are needed to end them", testOneResponseIsEnoughToRecordAlertsAndAllAreNeededToEndThem)
	t.Run("a slow Alertmanager does not delay the others", testSlowAlertmanagerDoesNotDelayOthers)
	t.Run("credentials are read at each use and never printed", testCredentialsAreReadAtEachUseAndNeverPrinted)
}

// newClient returns the client of a trigger; its secrets are those of the environment.
func newClient(t *testing.T, env triggers.Env, metadata map[string]string) *client {
	t.Helper()
	metadata["matchers"], metadata["replicas"] = `{alertname="Slow", team!="b"}`, "1"
	decoded, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	config, ok := decoded.(Config)
	if !ok {
		t.Fatalf("decoded is a %T, want a Config", decoded)
	}
	env.Now = time.Now
	if env.HTTP == nil {
		env.HTTP = &http.Client{}
	}
	return &client{config: config, env: env, http: newHTTP(config, env), filter: "filter=x", minUptime: minUptime, muteDelay: maxMuteDelay}
}

// listed returns one alert of an answer.
func listed(name, state string) string {
	return fmt.Sprintf(`{"labels":{"alertname":%q},"annotations":{},"startsAt":"2026-01-01T00:00:00.000Z","fingerprint":%q,"status":{"state":%q},"receivers":[]}`,
		name, fingerprint(map[string]string{"alertname": name}), state)
}

// grouped returns an answer of one group.
func grouped(list string) string {
	return fmt.Sprintf(`[{"labels":{},"receiver":{"name":"impulse"},"alerts":%s}]`, list)
}

// statusAfter returns the status of an Alertmanager that has been up for some time, on its own or in a cluster.
func statusAfter(up time.Duration, cluster string) string {
	return fmt.Sprintf(`{"uptime":%q,"cluster":{"status":%q}}`, time.Now().Add(-up).Format(time.RFC3339Nano), cluster)
}

// serveAnswers starts an Alertmanager with faults that a real one does not have: it answers with a list, with groups and with its
// status.
func serveAnswers(t *testing.T, list, groups, status string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/status"):
			fmt.Fprint(w, status)
		case strings.HasSuffix(r.URL.Path, "/groups"):
			fmt.Fprint(w, groups)
		default:
			fmt.Fprint(w, list)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// serveList starts an Alertmanager that has been up for some time, and posts all alerts of its list.
func serveList(t *testing.T, list string, up time.Duration) *httptest.Server {
	t.Helper()
	return serveAnswers(t, list, grouped(list), statusAfter(up, "disabled"))
}

func testOneResponseIsEnoughToRecordAlertsAndAllAreNeededToEndThem(t *testing.T) {
	long := time.Hour
	has, empty := serveList(t, "["+listed("Slow", "active")+"]", long), serveList(t, "[]", long)
	silenced, young := serveList(t, "["+listed("Slow", "suppressed")+"]", long), serveList(t, "[]", time.Minute)
	null, garbage, huge := serveList(t, "null", long), serveList(t, "<html>", long), serveList(t, "["+strings.Repeat(" ", maxAnswer)+"]", long)
	half := serveList(t, `[{"labels":{}}]`, long)
	away := &httptest.Server{URL: "http://" + testkit.FreeAddress(t)}
	moved := httptest.NewServer(http.RedirectHandler(has.URL, http.StatusMovedPermanently))
	t.Cleanup(moved.Close)
	cases := map[string]struct {
		servers            []*httptest.Server
		firing, suppressed int
		want               string
	}{
		"all answer":                {[]*httptest.Server{has, empty}, 1, 0, ""},
		"none has one":              {[]*httptest.Server{empty, empty}, 0, 0, ""},
		"silenced in one":           {[]*httptest.Server{silenced, has}, 1, 0, ""},
		"silenced":                  {[]*httptest.Server{silenced, empty}, 0, 1, ""},
		"one has just begun":        {[]*httptest.Server{has, young}, 1, 0, "it has been up for"},
		"one is away":               {[]*httptest.Server{has, away}, 1, 0, "connection refused"},
		"one redirects":             {[]*httptest.Server{has, moved}, 1, 0, "set reconcile to the final address"},
		"one answers null":          {[]*httptest.Server{null}, 0, 0, "not a list of alerts"},
		"one answers text":          {[]*httptest.Server{garbage}, 0, 0, "decode the answer"},
		"one answers too much":      {[]*httptest.Server{huge}, 0, 0, "too large"},
		"one answers half an alert": {[]*httptest.Server{half}, 0, 0, "[0].startsAt is missing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var urls []string
			for _, s := range c.servers {
				urls = append(urls, s.URL+"/")
			}
			v := newClient(t, triggers.Env{}, map[string]string{"reconcile": strings.Join(urls, ",")}).view(t.Context(), time.Now())
			if len(v.Firing) != c.firing || len(v.Suppressed) != c.suppressed || v.Complete != (c.want == "") {
				t.Errorf("view() = %+v, want %d firing, %d suppressed, complete %t", v, c.firing, c.suppressed, c.want == "")
			}
			if c.want != "" && (v.Err == nil || !strings.Contains(v.Err.Error(), c.want)) {
				t.Errorf("the error is %v, want %q", v.Err, c.want)
			}
		})
	}
}

func testSlowAlertmanagerDoesNotDelayOthers(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	has := serveList(t, "["+listed("Slow", "active")+"]", time.Hour)
	var v triggers.AlertView
	for _, timeLeft := range []time.Duration{200 * time.Millisecond, 2 * time.Second, answerWithin * 9 / 10} { // A busy machine makes the other slow too.
		ctx, cancel := context.WithTimeoutCause(t.Context(), timeLeft, errors.New("no time left"))
		v = newClient(t, triggers.Env{}, map[string]string{"reconcile": slow.URL + "," + has.URL}).view(ctx, time.Now())
		cancel()
		if len(v.Firing) == 1 {
			break
		}
	}
	if len(v.Firing) != 1 || v.Complete || !strings.Contains(fmt.Sprint(v.Err), "no time left") {
		t.Errorf("view() = %+v, want 1 firing and the error of the other", v)
	}
}

func testCredentialsAreReadAtEachUseAndNeverPrinted(t *testing.T) {
	var shown string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = r.Header.Get("Authorization")
		if strings.HasSuffix(r.URL.Path, "/status") {
			fmt.Fprint(w, `{"uptime":"2026-01-01T00:00:00Z","cluster":{"status":"disabled"}}`)
			return
		}
		fmt.Fprint(w, "[]")
	}))
	t.Cleanup(s.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	secrets := map[string]string{"ca": ca, "bearerToken": "topsecret\n", "username": "me", "password": "topsecret"}
	env := triggers.Env{Secrets: triggertest.Secrets(secrets)}
	check := func(mode, want, wantErr string) {
		t.Helper()
		shown = ""
		v := newClient(t, env, map[string]string{"reconcile": s.URL, "authModes": mode}).view(t.Context(), time.Now())
		if shown != want || wantErr == "" && v.Err != nil || wantErr != "" && !strings.Contains(fmt.Sprint(v.Err), wantErr) {
			t.Errorf("%s: the server received %q, error %v; want %q, error %q", mode, shown, v.Err, want, wantErr)
		}
		if strings.Contains(fmt.Sprint(v.Err), "topsecret") {
			t.Errorf("the error contains the secret: %v", v.Err)
		}
	}
	check("bearer", "Bearer topsecret", "")
	check("basic", "Basic bWU6dG9wc2VjcmV0", "")
	secrets["bearerToken"] = "topsecret2"
	check("bearer", "Bearer topsecret2", "")
	secrets["bearerToken"] = ""
	check("bearer", "", "the authenticationRef has no parameter bearerToken")
	secrets["ca"] = "topsecret"
	check("", "", "ca is not a PEM certificate")
	secrets["ca"] = ""
	check("", "", "certificate")
}
