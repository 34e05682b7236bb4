package store

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestSummary(t *testing.T) {
	t.Run("a summary counts the alerts of a set", testSummaryCountsAlertsOfSet)
}

func testSummaryCountsAlertsOfSet(t *testing.T) {
	one := func(endpoint, name string, firing bool) v1alpha1.AlertRecord {
		return v1alpha1.AlertRecord{Endpoint: endpoint, Labels: map[string]string{"alertname": name}, Firing: firing}
	}
	late := one("shop/", "Back", false)
	late.LateFiring = &late.LastSeen
	all := []v1alpha1.AlertRecord{
		one("shop/", "Slow", true), one("shop/prometheus", "Slow", true), one("shop/", "Over", false), late,
		one("shop//web/jobs", "", true), one("shop/", strings.Repeat("ä", 50), true),
	}
	want := v1alpha1.AlertSummary{Namespace: "shop", Firing: 4, Pushed: 1, Resolved: 1, Names: "Back, Slow, web/jobs and 1 more"}
	if got := summaryOf(all); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	want = v1alpha1.AlertSummary{Namespace: "*", Firing: 1, Names: strings.Repeat("ä", 31) + "…"}
	if got := summaryOf([]v1alpha1.AlertRecord{one("/", strings.Repeat("ä", 50), true)}); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if got := summaryOf(nil); got != nil {
		t.Errorf("the summary of no alerts is %+v, want nil", got)
	}
}
