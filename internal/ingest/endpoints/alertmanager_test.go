package endpoints

import (
	"fmt"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

func TestAlertmanager(t *testing.T) {
	t.Run("a delivery has its group and the number of truncated alerts", testDeliveryHasItsGroupAndNumberOfTruncatedAlerts)
	t.Run("an invalid alert does not count as absent", testInvalidAlertDoesNotCountAsAbsent)
}

// alertBody returns a body with one firing alert; rest is added to the body, alert to the alert.
func alertBody(rest, alert string) string {
	return fmt.Sprintf(`{"version":"4"%s,"alerts":[{"status":"firing","labels":{"alertname":"Slow"},"startsAt":"2026-01-01T00:00:00Z"%s}]}`, rest, alert)
}

func testDeliveryHasItsGroupAndNumberOfTruncatedAlerts(t *testing.T) {
	read := func(body string) store.Delivery {
		t.Helper()
		d, mistakes, err := DecodeAlerts([]byte(body))
		if err != nil || len(mistakes) > 0 {
			t.Fatalf("%s: %v %v", body, mistakes, err)
		}
		return d
	}
	quoted := read(alertBody(`,"receiver":"web\\.hook","groupKey":"{}:{a=\"b\"}","truncatedAlerts":3`, ""))
	if quoted.Group == "" || quoted.Truncated != 3 || len(quoted.Alerts) != 1 {
		t.Errorf("%+v", quoted)
	}
	if again := read(alertBody(`,"receiver":"web\\.hook","groupKey":"{}:{a=\"b\"}"`, "")); again.Group != quoted.Group || again.Truncated != 0 {
		t.Errorf("the same group is %q and %q; want %v, 0", quoted.Group, again.Group, quoted.Group)
	}
	for _, rest := range []string{`,"receiver":"other","groupKey":"{}:{a=\"b\"}"`, `,"receiver":"web\\.hook","groupKey":"{}"`, ""} {
		if d := read(alertBody(rest, "")); d.Group == quoted.Group {
			t.Errorf("%s is the same group", rest)
		}
	}
}

func testInvalidAlertDoesNotCountAsAbsent(t *testing.T) {
	body := strings.Replace(alertBody(`,"groupKey":"{}"`, ""), `"alerts":[`, `"alerts":[{"status":"pending"},`, 1)
	d, mistakes, err := DecodeAlerts([]byte(body))
	if err != nil || len(mistakes) != 1 || len(d.Alerts) != 1 || d.Group != "" {
		t.Errorf("%+v %v %v; want no error, 1, 1, \"\"", d, mistakes, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(alertBody("", "")))
	f.Add([]byte(`{"version":"4","alerts":[null,{},[],"x",{"status":"firing","labels":{"":""},"startsAt":"9999-12-31T23:59:59+99:99"}]}`))
	f.Add([]byte(alertBody(`,"groupKey":"{}","truncatedAlerts":-1,"version":"4"`, `,"labels":{"alertname":"Fast"},"endsAt":"0001-01-01T00:00:00+08:00"`)))
	f.Add([]byte("{\"version\":\"4\",\"alerts\":[{\"labels\":{\"a\":\"\xff\"}}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		valid, mistakes, err := DecodeAlerts(body)
		if err != nil && len(valid.Alerts)+len(mistakes) > 0 {
			t.Errorf("%s: an error, and a delivery", body)
		}
		if valid.Truncated < 0 || len(mistakes) > 0 && valid.Group != "" {
			t.Errorf("%s: accepted %+v", body, valid)
		}
		for _, a := range valid.Alerts {
			if len(a.Labels) == 0 || a.StartsAt.IsZero() || textOf(a.Labels)+textOf(a.Annotations) > maxAlert {
				t.Errorf("%s: accepted %+v", body, a)
			}
		}
	})
}
