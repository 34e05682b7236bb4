package httpserver

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBody(t *testing.T) {
	t.Run("invalid input is refused or bounded", testInvalidInputIsRefusedOrBounded)
}

// alertBody returns a body with one firing alert; rest is added to the body, alert to the alert.
func alertBody(rest, alert string) string {
	return fmt.Sprintf(`{"version":"4"%s,"alerts":[{"status":"firing","labels":{"alertname":"Slow"},"startsAt":"2026-01-01T00:00:00Z"%s}]}`, rest, alert)
}

func testInvalidInputIsRefusedOrBounded(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000)
	cases := map[string]struct {
		body     string
		header   string
		code     int
		want     string
		recorded int
	}{
		"a gzip bomb":                      {zeros(t), "gzip", http.StatusUnsupportedMediaType, "Content-Encoding", 0},
		"an unknown coding":                {alertBody("", ""), "br", http.StatusUnsupportedMediaType, "Content-Encoding", 0},
		"no coding":                        {alertBody("", ""), "identity", http.StatusOK, "", 1},
		"nested deeply":                    {alertBody(`,"commonLabels":`+deep, ""), "", http.StatusBadRequest, "exceeded max depth", 0},
		"nested deeply in an alert":        {alertBody("", `,"x":`+deep), "", http.StatusBadRequest, "exceeded max depth", 0},
		"a key twice: the last one counts": {alertBody("", `,"status":"resolved"`), "", http.StatusOK, "", 1},
		"invalid UTF-8":                    {alertBody("", `,"annotations":{"a":"`+"\xff"+`"}`), "", http.StatusBadRequest, "UTF-8", 0},
		"a label of 1 MB":                  {alertBody("", `,"annotations":{"a":"`+strings.Repeat("x", 1<<20)+`"}`), "", http.StatusBadRequest, "at most 16384 are stored", 0},
		"a label beside good ones": {
			strings.Replace(alertBody("", ""), `"alerts":[`, `"alerts":[{"status":"firing","labels":{"a":"`+strings.Repeat("x", 1<<20)+`"},"startsAt":"2026-01-01T00:00:00Z"},`, 1),
			"", http.StatusOK, "", 1,
		},
		"100 000 alerts": {
			`{"version":"4","alerts":[` + strings.Repeat(`{"status":"firing","labels":{"a":"b"},"startsAt":"2026-01-01T00:00:00Z"},`, 100_000) +
				`{"status":"firing","labels":{"a":"b"},"startsAt":"2026-01-01T00:00:00Z"}]}`, "", http.StatusOK, "", 100_001,
		},
		"10 MB":            {strings.Repeat(" ", 10<<20), "", http.StatusRequestEntityTooLarge, "larger than", 0},
		"a version of 1MB": {`{"version":"` + strings.Repeat("4", 1<<20) + `"}`, "", http.StatusBadRequest, `version is "444`, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &record{}
			h, _ := serve(t, r, func(o *Options) { o.BodyMemory = 1 << 30 })
			w := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/alertmanager/shop", strings.NewReader(c.body))
			if c.header != "" {
				request.Header.Set("Content-Encoding", c.header)
			}
			h.ServeHTTP(w, request)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || len(r.alerts) != c.recorded || w.Body.Len() > 1000 {
				t.Errorf("%d %.200s, %d recorded", w.Code, w.Body, len(r.alerts))
			}
		})
	}
}

// zeros returns 100 MB of zeros, compressed.
func zeros(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for range 100 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
