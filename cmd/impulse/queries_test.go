package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

func TestQueries(t *testing.T) {
	t.Run("the server is asked whether it can parse the queries", testServerIsAskedWhetherItCanParseQueries)
}

// scaled is an object with a query, and another query in its shadow.
const scaled = `apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: prometheus, metadata: {serverAddress: "http://p:9090", query: "sum(up)", threshold: 1}}]
  shadow:
    triggers: [{type: prometheus, metadata: {serverAddress: "http://p:9090", query: "sums(up)", threshold: 1}}]
`

func testServerIsAskedWhetherItCanParseQueries(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("web.yaml", []byte(scaled+"---\n"+strings.ReplaceAll(scaled, "web", "api")), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := impulse(t, "", "check", "web.yaml"); code != 0 {
		t.Fatalf("without a server: got exit code %d, want 0; output %s%s", code, out, errs)
	}
	for name, c := range map[string]struct {
		status     int
		kind, text string
		code       int
		out, errs  string
	}{
		"a Prometheus": {
			http.StatusBadRequest, "bad_data", "1:1: parse error: unknown\\nfunction", 1,
			"web.yaml:8:85: spec.shadow.triggers[0].metadata.query: the server cannot parse it: 1:1: parse error: unknown function\n", "",
		},
		"another server": {http.StatusUnprocessableEntity, "422", "unknown func", 1, "the server cannot parse it: unknown func\n", ""},
		"a broken one":   {http.StatusServiceUnavailable, "unavailable", "starting", 2, "", "server error: 503"},
	} {
		var requests atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			if r.FormValue("time") != "0" {
				t.Errorf("a query for the time %s, want 0", r.FormValue("time"))
			}
			if r.FormValue("query") == "sum(up)" {
				fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
				return
			}
			w.WriteHeader(c.status)
			fmt.Fprintf(w, `{"status":"error","errorType":%q,"error":"%s"}`, c.kind, c.text)
		}))
		code, out, errs := impulse(t, "", "check", "web.yaml", "--prometheus", server.URL)
		server.Close()
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) || strings.Contains(out, "are valid") != (c.code == 1) {
			t.Errorf("%s: %d %s%s", name, code, out, errs)
		}
		if c.code == 1 && (requests.Load() != 2 || !strings.HasSuffix(out, "0 ScaledObjects are valid, 2 mistakes\n")) {
			t.Errorf("%s: %d requests for two queries: %s", name, requests.Load(), out)
		}
	}
	if code, out, errs := impulse(t, "", "check", "web.yaml", "--prometheus", "http://127.0.0.1:1"); code != 2 || out != "" || !strings.Contains(errs, "query http://127.0.0.1:1: ") {
		t.Errorf("without a server: got exit code %d, want 2; output %s%s; want query http://127.0.0.1:1: ", code, out, errs)
	}
}
