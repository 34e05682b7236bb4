package receiver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestPeers(t *testing.T) {
	t.Parallel()
	t.Run("three Alertmanagers are one source through a partition and a restart", testThreeAlertmanagersAreOneSourceThroughPartitionAndRestart)
	t.Run("an alert that was refused for a while is one change in the end", testAlertThatWasRefusedForWhileIsOneChangeInEnd)
	t.Run("a truncated delivery ends nothing and is reported", testTruncatedDeliveryEndsNothingAndIsReported)
	t.Run("a silenced alert is stale after its ttl and ends after two", testSilencedAlertIsStaleAfterItsTTLAndEndsAfterTwo)
	t.Run("after a 301 a reconcile recovers the alerts", testAfter301ReconcileRecoversAlerts)
	t.Run("a trigger of the whole cluster gets the alerts of the cluster's receiver only", testTriggerOfWholeClusterGetsAlertsOfClustersReceiverOnly)
	t.Run("steps follow activations, not deliveries", testStepsFollowActivationsNotDeliveries)
}

func testThreeAlertmanagersAreOneSourceThroughPartitionAndRestart(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	level := r.trigger("Slow", nil)
	to := r.url + "/v1/alertmanager/shop"
	one := start(t, to, "")
	two := start(t, to, "", one)
	apart := start(t, to, "") // It is not in their cluster, and posts everything itself.
	all := []*peer{one, two, apart}
	level.until("0")
	began := time.Now().Add(-time.Minute)
	sendAlerts(t, all, began, true, "Slow")
	level.until("1")
	delivered := func(atLeast float64) {
		t.Helper()
		before := r.metric("impulse_http_requests_total", "")
		testkit.Eventually(t, "deliveries were repeated", func(context.Context) bool {
			return r.metric("impulse_http_requests_total", "")-before >= atLeast
		})
	}
	delivered(4)
	level.expectOnly("0", "1")
	one.Kill()
	one.up() // It has lost its alerts, until they are sent again.
	delivered(3)
	sendAlerts(t, all, began, true, "Slow")
	delivered(3)
	level.expectOnly("0", "1")
	sendAlerts(t, all, began, false, "Slow")
	level.until("0")
	again := time.Now()
	sendAlerts(t, all, again, true, "Slow")
	testkit.Eventually(t, "it counts again", func(context.Context) bool {
		v := level.values()
		return v[len(v)-1] == "1"
	})
	if refused := r.metric("impulse_http_requests_total", `"4`); refused != 0 {
		t.Errorf("%v deliveries were refused, want 0", refused)
	}
}

func testAlertThatWasRefusedForWhileIsOneChangeInEnd(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	level := r.trigger("Slow", nil)
	to := r.url + "/v1/alertmanager/shop"
	one := start(t, to, "")
	all := []*peer{one, start(t, to, "", one), start(t, to, "", one)}
	level.until("0")
	r.disk.fill(true)
	sendAlerts(t, all, time.Now(), true, "Slow")
	testkit.Eventually(t, "deliveries are answered with 503", func(context.Context) bool {
		return r.metric("impulse_http_requests_total", `"503"`) >= 2
	})
	r.disk.fill(false)
	testkit.Eventually(t, "a delivery is recorded", func(context.Context) bool {
		return r.metric("impulse_http_requests_total", `"200"`) >= 3
	})
	level.expectOnly("0", "1")
	if n := r.disk.written(); n != 1 {
		t.Errorf("%d writes of one change, want 1", n)
	}
}

func testTruncatedDeliveryEndsNothingAndIsReported(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	slow, fast := r.trigger("Slow", map[string]string{"absentMeansResolved": "true", "lateWindow": "1s"}), r.trigger("Fast", nil)
	am := start(t, r.url+"/v1/alertmanager/shop", ", max_alerts: 1")
	sendAlerts(t, []*peer{am}, time.Now(), true, "Slow")
	slow.until("1")
	sendAlerts(t, []*peer{am}, time.Now(), true, "Fast") // Sorted by label: it takes the place of the other.
	fast.until("1")
	testkit.Eventually(t, "truncated deliveries are counted", func(context.Context) bool {
		return r.metric("impulse_deliveries_truncated_total", "") >= 4
	})
	slow.expectOnly("0", "1")
}

func testSilencedAlertIsStaleAfterItsTTLAndEndsAfterTwo(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	level := r.trigger("Slow", map[string]string{"ttl": "5s"})
	gone := r.trigger("Slow", map[string]string{"absentMeansResolved": "true", "lateWindow": "1s"})
	am := start(t, r.url+"/v1/alertmanager/shop", "")
	sendAlerts(t, []*peer{am}, time.Now(), true, "Slow", "Fast")
	level.until("1")
	silence := map[string]any{
		"matchers": []map[string]any{{"name": "alertname", "value": "Slow", "isRegex": false, "isEqual": true}},
		"startsAt": time.Now().UTC(), "endsAt": time.Now().Add(time.Hour).UTC(), "createdBy": "test", "comment": "test",
	}
	if err := am.call(t.Context(), http.MethodPost, "/api/v2/silences", silence, nil); err != nil {
		t.Fatal(err)
	}
	gone.until("0")
	level.until("0")
	if got := level.values(); !slices.Contains(got, "1 stale") {
		t.Errorf("the levels were %q, want 1 stale before the last", got)
	}
}

func testAfter301ReconcileRecoversAlerts(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	var gets atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		gets.Add(1)
		http.Redirect(w, request, r.url+request.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(front.Close)
	am := start(t, front.URL+"/v1/alertmanager/shop", "")
	sendAlerts(t, []*peer{am}, time.Now().Add(-time.Hour), true, "Slow") // An alert that has just begun may be muted.
	testkit.Eventually(t, "Alertmanager was redirected", func(context.Context) bool { return gets.Load() > 0 })
	r.trigger("Slow", nil).until("0")
	r.trigger("Slow", map[string]string{"reconcile": am.url}).until("1")
	if r.metric("impulse_http_requests_total", `"200"`) != 0 {
		t.Error("a redirected delivery was accepted, want none")
	}
}

func testTriggerOfWholeClusterGetsAlertsOfClustersReceiverOnly(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	whole, ours := r.trigger("Slow", map[string]string{"scope": "cluster"}), r.trigger("Slow", nil)
	cluster, shop := start(t, r.url+"/v1/alertmanager", ""), start(t, r.url+"/v1/alertmanager/shop", "")
	seen := r.trigger("Seen", map[string]string{"scope": "cluster"})
	whole.until("0")
	ours.until("0")
	sendAlerts(t, []*peer{cluster}, time.Now(), true, "Slow")
	whole.until("1")
	sendAlerts(t, []*peer{shop}, time.Now().Add(-time.Hour), true, "Slow")
	ours.until("1")
	sendAlerts(t, []*peer{cluster}, time.Now(), false, "Slow")
	whole.until("0")
	sendAlerts(t, []*peer{cluster}, time.Now(), true, "Seen")
	seen.until("1")
	whole.expectOnly("0", "1", "0")
	ours.expectOnly("0", "1")
	r.trigger("Slow", map[string]string{"scope": "cluster", "reconcile": shop.url}).until("1")
}

func testStepsFollowActivationsNotDeliveries(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	steps := r.trigger("Slow", map[string]string{"threshold": "0", "step": "+2"})
	am := start(t, r.url+"/v1/alertmanager/shop", "")
	sendAlerts(t, []*peer{am}, time.Now(), true, "Slow")
	steps.until("1")
	testkit.Eventually(t, "it is repeated", func(context.Context) bool {
		return r.metric("impulse_http_requests_total", `"200"`) >= 4
	})
	steps.expectOnly("0", "1")
}
