package alertmanager

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestMuted(t *testing.T) {
	t.Run("a reconcile records only alerts that would be posted", testReconcileRecordsOnlyAlertsThatWouldBePosted)
	t.Run("an incomplete response ends no alert", testIncompleteResponseEndsNoAlert)
}

func testReconcileRecordsOnlyAlertsThatWouldBePosted(t *testing.T) {
	long := statusAfter(time.Hour, "ready")
	slow, muted := "["+listed("Slow", "active")+"]", "["+listed("Slow", "suppressed")+"]"
	young := strings.Replace(slow, "2026-01-01T00:00:00.000Z", time.Now().Add(-10*time.Second).UTC().Format(time.RFC3339), 1)
	for name, c := range map[string]struct {
		list, groups, status string
		firing, suppressed   int
		want                 string
	}{
		"it is active in its group":              {slow, grouped(slow), long, 1, 0, ""},
		"its group is muted":                     {slow, grouped(muted), long, 0, 1, ""},
		"one of its groups is not muted":         {slow, strings.Replace(grouped(muted)+grouped(slow), "][", ",", 1), long, 1, 0, ""},
		"no route leads anywhere, or not yet":    {slow, "[]", long, 0, 1, ""},
		"it may not have been processed yet":     {young, grouped(young), long, 0, 1, ""},
		"nothing is posted before peers are met": {slow, grouped(slow), statusAfter(time.Hour, "settling"), 0, 1, ""},
		"it has just begun":                      {slow, grouped(slow), statusAfter(time.Minute, "ready"), 1, 0, "it has been up for"},
		"its groups are not known":               {slow, "null", long, 0, 0, "not a list of groups"},
		"a group has no alerts":                  {slow, `[{"labels":{}}]`, long, 0, 0, "not a list of alerts"},
		"its labels are not whole":               {strings.Replace(slow, `"alertname":"Slow"`, `"alertname":"Slow","pod":"1"`, 1), grouped(slow), long, 0, 0, "lacks labels"},
		"its status is empty":                    {slow, grouped(slow), `{"uptime":"2026-01-01T00:00:00Z"}`, 0, 1, "cluster.status is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveAnswers(t, c.list, c.groups, c.status)
			v := newClient(t, triggers.Env{}, map[string]string{"reconcile": s.URL}).view(t.Context(), time.Now())
			if len(v.Firing) != c.firing || len(v.Suppressed) != c.suppressed || v.Complete != (c.want == "") || !strings.Contains(fmt.Sprint(v.Err), c.want) {
				t.Errorf("view() = %+v, want %d firing, %d suppressed and an error with %q", v, c.firing, c.suppressed, c.want)
			}
		})
	}
}

// readWith returns a function that reads the alerts of an Alertmanager. Its argument replaces the answer to one request, which. It
// returns the firing alerts and the number of suppressed ones, or an error.
func readWith(t *testing.T, answers map[string][]byte, which string) func(answer []byte) (string, error) {
	t.Helper()
	return func(answer []byte) (string, error) {
		canned := triggertest.Canned(func(r *http.Request) (int, []byte) {
			of := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			if of == which {
				return http.StatusOK, answer
			}
			return http.StatusOK, answers[of]
		})
		c := newClient(t, triggers.Env{HTTP: &http.Client{Transport: canned}}, map[string]string{"reconcile": "http://alertmanager:9093"})
		c.env.Now = func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) } // Days after the answers were recorded.
		v := c.view(t.Context(), c.env.Now())
		var is []string
		for _, a := range v.Firing {
			is = append(is, a.Labels["pod"]+" "+a.StartsAt.String())
		}
		return fmt.Sprint(is, len(v.Suppressed)), v.Err
	}
}

func testIncompleteResponseEndsNoAlert(t *testing.T) {
	answers := map[string][]byte{}
	for _, name := range []string{"alerts", "groups", "status"} {
		answer, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		answers[name] = answer
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) { triggertest.Incomplete(t, answer, readWith(t, answers, name)) })
	}
}
