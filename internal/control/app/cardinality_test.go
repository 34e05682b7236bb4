package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestCardinality(t *testing.T) {
	t.Run("text from outside makes no series, and a deleted object leaves none", testTextFromOutsideMakesNoSeriesAndDeletedObjectLeavesNone)
}

// scrape returns the series that a process exports, without their values.
func (r *running) scrape(ctx context.Context) []string {
	code, text := r.get(ctx, "/metrics")
	if code != http.StatusOK {
		return nil
	}
	var all []string
	for line := range strings.Lines(text) {
		if at := strings.LastIndex(line, " "); at > 0 && strings.HasPrefix(line, "impulse_") {
			all = append(all, line[:at])
		}
	}
	return all
}

// outsideText is a word that all requests of the test contain where a sender may choose the text.
const outsideText = "outside"

// sendOutsideText sends requests with new texts in alerts, paths, queries, headers, methods and credentials.
func (r *running) sendOutsideText(namespace string, n int) {
	r.t.Helper()
	text := fmt.Sprint(outsideText, n)
	body := map[string]any{"version": "4", "groupKey": text, "status": "firing", "receiver": text, "alerts": []any{map[string]any{
		"status": "firing", "labels": map[string]string{"alertname": text, text: text}, "annotations": map[string]string{text: text},
		"startsAt": "2026-01-01T00:00:00Z", "fingerprint": text,
	}}}
	content, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.awaitAnswer(http.MethodPost, "/v1/alertmanager/"+namespace, string(content), http.StatusOK)
	for _, request := range [][2]string{
		{http.MethodGet, "/" + text},
		{http.MethodPost, "/v1/alertmanager/" + text},
		{http.MethodPost, "/v1/webhook/" + namespace + "/" + text + "?" + text + "=" + text},
		{http.MethodPut, "/v1/namespaces/" + namespace + "/scaledobjects/" + text + "/triggers/" + text},
		{http.MethodPost, "/v1/prometheus/" + text + "/write"},
		{strings.ToUpper(text), "/metrics"},
	} {
		testkit.Request(r.t.Context(), request[0], r.url+request[1], text, content)
	}
}

func testTextFromOutsideMakesNoSeriesAndDeletedObjectLeavesNone(t *testing.T) {
	e := newEnv(t)
	r := start(t, e.options())
	r.awaitReady()
	r.postAlert(e.Namespace, "firing")
	e.AwaitReplicas("web", 5)
	r.sendOutsideText(e.Namespace, 0) // The first requests of each route make its series.
	object := regexp.MustCompile(`scaledobject="web"`)
	ofObject := func(series []string) int {
		n := 0
		for _, s := range series {
			if object.MatchString(s) {
				n++
			}
		}
		return n
	}
	before := r.scrape(t.Context())
	if n := ofObject(before); n < 10 {
		t.Fatalf("%d series of the object, want 10 or more:\n%s", n, strings.Join(before, "\n"))
	}
	for n := range 50 {
		r.sendOutsideText(e.Namespace, 1+n)
	}
	after := r.scrape(t.Context())
	for _, s := range after {
		if strings.Contains(s, outsideText) {
			t.Errorf("a series has text of a sender: %s", s)
		}
	}
	// The series of the requests to the API server grow by themselves, as with the first renewal of the Lease.
	ofSenders := func(series []string) int {
		return len(slices.DeleteFunc(slices.Clone(series), func(s string) bool { return strings.HasPrefix(s, "impulse_api_") }))
	}
	if more := ofSenders(after) - ofSenders(before); more > 10 {
		t.Errorf("%d series more after 50 requests to each route, want none", more)
	}
	if err := os.Remove(filepath.Join(e.dir, "web.yaml")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "no series of the deleted object is left", func(ctx context.Context) bool {
		series := r.scrape(ctx)
		return len(series) > 0 && ofObject(series) == 0
	})
}
