package httpserver

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// wire is a body of one firing alert; rest is more of it, alert more of the alert.
func wire(rest, alert string) string {
	return fmt.Sprintf(`{"version":"4"%s,"alerts":[{"status":"firing","labels":{"alertname":"Slow"},"startsAt":"2026-01-01T00:00:00Z"%s}]}`, rest, alert)
}

func TestADeliverySaysItsGroupAndWhatIsMissing(t *testing.T) {
	read := func(body string) store.Delivery {
		t.Helper()
		d, bad, err := decode([]byte(body))
		if err != nil || len(bad) > 0 {
			t.Fatalf("%s: %v %v", body, bad, err)
		}
		return d
	}
	quoted := read(wire(`,"receiver":"web\\.hook","groupKey":"{}:{a=\"b\"}","truncatedAlerts":3`, ""))
	if quoted.Group == "" || quoted.Truncated != 3 || len(quoted.Alerts) != 1 {
		t.Errorf("%+v", quoted)
	}
	if again := read(wire(`,"receiver":"web\\.hook","groupKey":"{}:{a=\"b\"}"`, "")); again.Group != quoted.Group || again.Truncated != 0 {
		t.Errorf("the same group is %q and %q", quoted.Group, again.Group)
	}
	for _, rest := range []string{`,"receiver":"other","groupKey":"{}:{a=\"b\"}"`, `,"receiver":"web\\.hook","groupKey":"{}"`, ""} {
		if d := read(wire(rest, "")); d.Group == quoted.Group {
			t.Errorf("%s is the same group", rest)
		}
	}
}

func TestAnAlertThatWasNotUnderstoodIsNotAbsent(t *testing.T) {
	body := strings.Replace(wire(`,"groupKey":"{}"`, ""), `"alerts":[`, `"alerts":[{"status":"pending"},`, 1)
	d, bad, err := decode([]byte(body))
	if err != nil || len(bad) != 1 || len(d.Alerts) != 1 || d.Group != "" {
		t.Errorf("%+v %v %v", d, bad, err)
	}
}

func TestBadInputIsRefusedOrBounded(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000)
	cases := map[string]struct {
		body     string
		header   string
		code     int
		says     string
		recorded int
	}{
		"a gzip bomb":                      {zeros(t), "gzip", http.StatusUnsupportedMediaType, "Content-Encoding", 0},
		"an unknown coding":                {wire("", ""), "br", http.StatusUnsupportedMediaType, "Content-Encoding", 0},
		"no coding":                        {wire("", ""), "identity", http.StatusOK, "", 1},
		"nested deeply":                    {wire(`,"commonLabels":`+deep, ""), "", http.StatusBadRequest, "exceeded max depth", 0},
		"nested deeply in an alert":        {wire("", `,"x":`+deep), "", http.StatusBadRequest, "exceeded max depth", 0},
		"a key twice: the last one counts": {wire("", `,"status":"resolved"`), "", http.StatusOK, "", 1},
		"invalid UTF-8":                    {wire("", `,"annotations":{"a":"`+"\xff"+`"}`), "", http.StatusBadRequest, "UTF-8", 0},
		"a label of 1 MB":                  {wire("", `,"annotations":{"a":"`+strings.Repeat("x", 1<<20)+`"}`), "", http.StatusBadRequest, "at most 16384 are kept", 0},
		"a label beside good ones": {
			strings.Replace(wire("", ""), `"alerts":[`, `"alerts":[{"status":"firing","labels":{"a":"`+strings.Repeat("x", 1<<20)+`"},"startsAt":"2026-01-01T00:00:00Z"},`, 1),
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
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) || len(r.alerts) != c.recorded || w.Body.Len() > 1000 {
				t.Errorf("%d %.200s, %d recorded", w.Code, w.Body, len(r.alerts))
			}
		})
	}
}

// zeros is 100 MB of them, compressed.
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

func FuzzDecode(f *testing.F) {
	f.Add([]byte(one))
	f.Add([]byte(`{"version":"4","alerts":[null,{},[],"x",{"status":"firing","labels":{"":""},"startsAt":"9999-12-31T23:59:59+99:99"}]}`))
	f.Add([]byte(wire(`,"groupKey":"{}","truncatedAlerts":-1,"version":"4"`, `,"labels":{"alertname":"Fast"},"endsAt":"0001-01-01T00:00:00+08:00"`)))
	f.Add([]byte("{\"version\":\"4\",\"alerts\":[{\"labels\":{\"a\":\"\xff\"}}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		good, bad, err := decode(body)
		if err != nil && len(good.Alerts)+len(bad) > 0 {
			t.Errorf("%s: refused and taken", body)
		}
		if good.Truncated < 0 || len(bad) > 0 && good.Group != "" {
			t.Errorf("%s: took %+v", body, good)
		}
		for _, a := range good.Alerts {
			if len(a.Labels) == 0 || a.StartsAt.IsZero() || textOf(a.Labels)+textOf(a.Annotations) > maxAlert {
				t.Errorf("%s: took %+v", body, a)
			}
		}
	})
}
