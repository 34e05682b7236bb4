package alertmanager

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestRealAlertmanager(t *testing.T) {
	t.Run("a real Alertmanager lists firing and silenced alerts, and that it has just started", testRealAlertmanagerListsFiringAndSilencedAlertsAndThatItHasJustStarted)
	t.Run("a reconcile does not record alerts that a real Alertmanager mutes", testReconcileDoesNotRecordAlertsThatRealAlertmanagerMutes)
}

// post posts JSON to a real Alertmanager.
func post(t *testing.T, url, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s was answered with %s, want 200", url, resp.Status)
	}
}

// startAlertmanager returns the address of a real Alertmanager, and the function that starts it.
func startAlertmanager(t *testing.T, config string) (string, func() *testkit.Process) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := testkit.FreeAddress(t)
	return address, func() *testkit.Process {
		p := sandbox.Start(t, "alertmanager", "--config.file", file, "--storage.path", dir,
			"--web.listen-address", address, "--cluster.listen-address=")
		p.WaitListening(address)
		return p
	}
}

func testRealAlertmanagerListsFiringAndSilencedAlertsAndThatItHasJustStarted(t *testing.T) {
	address, run := startAlertmanager(t, "{route: {receiver: nobody}, receivers: [{name: nobody}]}")
	p := run()
	post(t, "http://"+address+"/api/v2/alerts", `[
		{"labels":{"alertname":"Slow","pod":"1"},"startsAt":"2026-01-01T08:00:00+08:00","endsAt":"2999-01-01T00:00:00Z"},
		{"labels":{"alertname":"Slow","pod":"2"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2999-01-01T00:00:00Z"},
		{"labels":{"alertname":"Slow","team":"b"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2999-01-01T00:00:00Z"},
		{"labels":{"alertname":"Slow","pod":"3"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-02T00:00:00Z"},
		{"labels":{"alertname":"Fast"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2999-01-01T00:00:00Z"}]`)
	post(t, "http://"+address+"/api/v2/silences", fmt.Sprintf(`{"matchers":[{"name":"pod","value":"2","isRegex":false,"isEqual":true}],
		"startsAt":%q,"endsAt":"2999-01-01T00:00:00Z","createdBy":"me","comment":"a test"}`, time.Now().UTC().Format(time.RFC3339)))
	recorder := &viewRecorder{views: make(chan triggers.AlertView, 100)}
	view := func(uptime time.Duration) triggers.AlertView {
		t.Helper()
		s := &source{minUptime: uptime, env: triggers.Env{
			Namespace: "shop", Alerts: recorder, HTTP: &http.Client{}, Now: time.Now, Poller: triggers.NewPoller(1, 1),
		}}
		s.config.Matchers, s.config.Reconcile = `{alertname="Slow", team!="b"}`, []string{"http://" + address}
		return recorder.next(t, s)
	}
	testkit.Eventually(t, "it has one alert that fires and one that is silenced", func(context.Context) bool {
		v := view(0)
		return v.Complete && len(v.Firing) == 1 && len(v.Suppressed) == 1 && v.Suppressed[0].Labels["pod"] == "2" &&
			v.Firing[0].StartsAt.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	})
	if v := view(minUptime); v.Complete || len(v.Firing) != 1 || !strings.Contains(fmt.Sprint(v.Err), "it has been up for") {
		t.Errorf("of an Alertmanager that has just started the view is %+v, want 1 firing and not complete", v)
	}
	p.Kill()
	if v := view(0); v.Complete || !strings.Contains(fmt.Sprint(v.Err), "connection refused") {
		t.Errorf("of a stopped Alertmanager the view is %+v, want an error", v)
	}
	run()
	if v := view(minUptime); v.Complete || len(v.Firing) != 0 {
		t.Errorf("of an Alertmanager that has restarted without alerts the view is %+v, want none firing and not complete", v)
	}
}

func testReconcileDoesNotRecordAlertsThatRealAlertmanagerMutes(t *testing.T) {
	address, run := startAlertmanager(t, `
receivers: [{name: impulse}, {name: "impulse.other"}, {name: pager}]
time_intervals: [{name: always, time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]}]
route:
  receiver: pager
  group_by: [alertname]
  routes:
  - {receiver: impulse, matchers: [team="both"], mute_time_intervals: [always], continue: true}
  - {receiver: pager, matchers: [team="both"]}
  - {receiver: impulse, matchers: [team="muted"], mute_time_intervals: [always]}
  - {receiver: "impulse.other", matchers: [team="elsewhere"]}
  - {receiver: impulse, matchers: [team="posted"]}
`)
	run()
	var all []string
	for _, team := range []string{"both", "muted", "elsewhere", "posted"} {
		all = append(all, fmt.Sprintf(`{"labels":{"alertname":"Slow","team":%q},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2999-01-01T00:00:00Z"}`, team))
	}
	post(t, "http://"+address+"/api/v2/alerts", "["+strings.Join(all, ",")+"]")
	recorder := &viewRecorder{views: make(chan triggers.AlertView, 100)}
	for receiver, want := range map[string]string{"": "[both elsewhere posted] [muted]", "impulse": "[posted] [both elsewhere muted]"} {
		s := &source{env: triggers.Env{Namespace: "shop", Alerts: recorder, HTTP: &http.Client{}, Now: time.Now, Poller: triggers.NewPoller(1, 1)}}
		s.config.Matchers, s.config.Reconcile, s.config.Receiver = `{alertname="Slow"}`, []string{"http://" + address}, receiver
		view := func() triggers.AlertView { return recorder.next(t, s) }
		testkit.Eventually(t, fmt.Sprintf("with receiver %q the view is %s", receiver, want), func(context.Context) bool {
			v := view()
			return v.Complete && fmt.Sprint(teams(v.Firing), " ", teams(v.Suppressed)) == want
		})
	}
}

// teams returns the label team of each alert, in order.
func teams(alerts []triggers.Alert) []string {
	var all []string
	for i := range alerts {
		all = append(all, alerts[i].Labels["team"])
	}
	slices.Sort(all)
	return all
}

// viewRecorder is a triggers.Alerts that records the views that it gets.
type viewRecorder struct {
	fakeAlerts

	views chan triggers.AlertView
}

// Reconcile is triggers.Reconciler's.
func (d *viewRecorder) Reconcile(_ context.Context, _ triggers.AlertQuery, v triggers.AlertView) error {
	d.views <- v
	return nil
}

// next runs the reconciler of a source until it has delivered one view.
func (d *viewRecorder) next(t *testing.T, s *source) triggers.AlertView {
	t.Helper()
	polled, err := s.reconciler()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { _ = s.env.Poller.Run(ctx); done <- struct{}{} }()
	go func() { _ = polled.Run(ctx, func(scalers.Event) {}); done <- struct{}{} }()
	v := <-d.views
	cancel()
	<-done
	<-done
	return v
}
