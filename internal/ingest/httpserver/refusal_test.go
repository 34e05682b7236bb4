package httpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

func TestRefusal(t *testing.T) {
	t.Run("a refused request is logged with its reason and without its secret", testRefusedRequestIsLoggedWithItsReasonAndWithoutItsSecret)
	t.Run("the same refusal is logged once an hour, with the number of times", testSameRefusalIsLoggedOnceHourWithNumberOfTimes)
	t.Run("refusals of two programs on one host are distinguished", testRefusalsOfTwoProgramsOnOneHostAreDistinguished)
	t.Run("a request to a path that does not exist is logged", testRequestToPathThatDoesNotExistIsLogged)
	t.Run("a message that is too large, encoded or invalid is logged", testMessageThatIsTooLargeEncodedOrInvalidIsLogged)
	t.Run("an alert that no object selects is logged", testAlertThatNoObjectSelectsIsLogged)
	t.Run("a sender can ask for the number of objects that select its alert", testSenderCanAskForNumberOfObjectsThatSelectItsAlert)
	t.Run("a message that a trigger refuses is logged", testMessageThatTriggerRefusesIsLogged)
	t.Run("a refusal is reported to the objects of its namespace once an hour, and names no other namespace", testRefusalIsReportedToObjectsOfItsNamespaceOnceHourAndNamesNoOtherNamespace)
}

// logRecord is the log of a server in memory, and its clock.
type logRecord struct {
	bytes.Buffer

	now time.Time
}

// options returns options with this log, and the credentials of a shop: a token without a name, and one of Grafana.
func (l *logRecord) options(t *testing.T) func(*Options) {
	t.Helper()
	dir := t.TempDir()
	files := auth.Files{Tokens: filepath.Join(dir, "tokens"), List: filepath.Join(dir, "credentials.yaml")}
	for path, content := range map[string]string{
		files.Tokens: "shop=only-for-the-shop\n", files.List: "- {name: grafana, namespaces: [shop, bank], basic: {username: grafana, password: correct-horse}}\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	credentials, err := auth.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	l.now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	return func(o *Options) {
		o.Credentials, o.Log, o.Now = credentials, slog.New(slog.NewTextHandler(l, nil)), func() time.Time { return l.now }
	}
}

// lines returns the lines that were logged since the last call.
func (l *logRecord) lines() []string {
	text := strings.TrimSpace(l.String())
	l.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func testRefusedRequestIsLoggedWithItsReasonAndWithoutItsSecret(t *testing.T) {
	var l logRecord
	h, _ := serve(t, &record{}, l.options(t))
	for authorization, c := range map[string]struct{ namespace, want string }{
		"":                                   {"a", `namespace=a from=192.0.2.1 agent="" code=401 reason="no credential was shown" times=1`},
		"Bearer hunter2-hunter2":             {"b", `reason="the bearer token is not one of those that are valid"`},
		"Basic aHVudGVyMjpodW50ZXIy":         {"c", `reason="the username and the password are not among those that are valid"`},
		"Digest hunter2":                     {"d", `reason="the header Authorization is neither Bearer nor Basic"`},
		"Bearer only-for-the-shop":           {"e", `namespace=e from=192.0.2.1 agent="" code=403 reason="the token is valid for namespace shop only"`},
		"Basic Z3JhZmFuYTpjb3JyZWN0LWhvcnNl": {"f", `code=403 reason="credential grafana is valid for bank, shop only"`},
	} {
		w := post(t, h, "/v1/alertmanager/"+c.namespace, one, authorization)
		lines := l.lines()
		if w.Body.String() != "no access\n" || len(lines) != 1 || !strings.Contains(lines[0], `level=WARN msg="a request was refused" route=/v1/alertmanager/:namespace `) ||
			!strings.Contains(lines[0], c.want) {
			t.Errorf("%q: answered %d %q and logged %q, expected %q", authorization, w.Code, w.Body, lines, c.want)
		}
		if text := strings.Join(lines, ""); strings.Contains(text, "hunter2") || strings.Contains(text, "aHVud") || strings.Contains(text, "only-for") {
			t.Errorf("the log repeats a credential: %s", text)
		}
	}
}

func testSameRefusalIsLoggedOnceHourWithNumberOfTimes(t *testing.T) {
	var l logRecord
	h, _ := serve(t, &record{}, l.options(t))
	refuse := func(namespace string) []string {
		t.Helper()
		if w := post(t, h, "/v1/alertmanager/"+namespace, one, "Bearer wrong-wrong-wrong"); w.Code != http.StatusUnauthorized {
			t.Fatalf("answered %d", w.Code)
		}
		return l.lines()
	}
	if lines := refuse("shop"); len(lines) != 1 {
		t.Errorf("the first: %q; want 1", lines)
	}
	for range 59 {
		l.now = l.now.Add(time.Minute)
		if lines := refuse("shop"); len(lines) != 0 {
			t.Errorf("within the hour: %q; want 0", lines)
		}
	}
	if lines := refuse("bank"); len(lines) != 1 {
		t.Errorf("another namespace: %q; want 1", lines)
	}
	l.now = l.now.Add(time.Minute)
	if lines := refuse("shop"); len(lines) != 1 || !strings.Contains(lines[0], "times=60") {
		t.Errorf("after an hour: %q; want 1, text with times=60", lines)
	}
}

func testRefusalsOfTwoProgramsOnOneHostAreDistinguished(t *testing.T) {
	var l logRecord
	h, _ := serve(t, &record{}, l.options(t))
	for _, c := range []struct {
		agent, want string
	}{
		{"impulse/v1.2.3", "from=192.0.2.1 agent=impulse code=401"},
		{"Alertmanager/0.28.1", "from=192.0.2.1 agent=Alertmanager code=401"},
		{"Alertmanager/0.29.0", ""},
		{"impulse/v1.2.4", ""},
	} {
		q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/alertmanager/shop", strings.NewReader(one))
		q.Header.Set("User-Agent", c.agent)
		h.ServeHTTP(httptest.NewRecorder(), q)
		if lines := l.lines(); (len(lines) == 1) != (c.want != "") || c.want != "" && !strings.Contains(lines[0], c.want) {
			t.Errorf("%s: logged %q, expected %q", c.agent, lines, c.want)
		}
	}
}

func testRequestToPathThatDoesNotExistIsLogged(t *testing.T) {
	for path, want := range map[string]string{
		"POST /v1/alertmanagers/shop":         `route=/v1/alertmanagers/shop namespace="" from=192.0.2.1 agent="" code=404 reason="there is no such path: /openapi.yaml lists`,
		"POST /v1/alertmanager/shop/web":      `route=/v1/alertmanager/:namespace namespace="" from=192.0.2.1 agent="" code=400 reason="the path does not name a namespace"`,
		"GET /v1/alertmanager/shop":           `code=405 reason="the path does not support this method"`,
		"POST /v1/" + strings.Repeat("x", 99): "route=/v1/xxxxx",
		"GET /favicon.ico":                    "",
		"POST /metrics":                       "",
	} {
		var l logRecord
		change := l.options(t)
		h, _ := serve(t, &record{}, func(o *Options) {
			change(o)
			o.Credentials = nil
		})
		method, target, _ := strings.Cut(path, " ")
		for range 2 { // The second is one too many.
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, target, nil))
		}
		if lines := l.lines(); (len(lines) == 1) != (want != "") || want != "" && (!strings.Contains(lines[0], want) || len(lines[0]) > 400) {
			t.Errorf("%s: logged %q, expected %q", path, lines, want)
		}
	}
}

func testMessageThatIsTooLargeEncodedOrInvalidIsLogged(t *testing.T) {
	for want, c := range map[string]struct{ encoding, body string }{
		`code=413 reason="the body is larger than 8388608 bytes" times=1`:                                {"", strings.Repeat(" ", maxAlertsBody+1)},
		`code=415 reason="a body with a Content-Encoding is not supported: send it without one" times=1`: {"gzip", one},
		`code=400 reason="alerts[0]: parsing time`:                                                       {"", strings.Replace(one, `"startsAt":"`, `"startsAt":"yesterday`, 1)},
	} {
		var l logRecord
		var reported []string
		change := l.options(t)
		h, _ := serve(t, &record{}, func(o *Options) {
			change(o)
			o.Credentials, o.OnRefused = nil, func(namespace, why string) { reported = append(reported, namespace+": "+why) }
		})
		for range 2 { // The second is one too many.
			q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/alertmanager/shop", strings.NewReader(c.body))
			q.Header.Set("Content-Encoding", c.encoding)
			h.ServeHTTP(httptest.NewRecorder(), q)
		}
		lines := slices.DeleteFunc(l.lines(), func(line string) bool {
			return !strings.Contains(line, `msg="a request was refused" route=/v1/alertmanager/:namespace namespace=shop from=192.0.2.1`)
		})
		if len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("logged %q, want %s", lines, want)
		}
		if len(reported) != 1 || strings.Contains(reported[0], "nil") {
			t.Errorf("reported %q, want one with the reason", reported)
		}
	}
}

// fixedResult answers each delivery with the same result.
type fixedResult struct {
	store.Result

	asked bool
}

func (r *fixedResult) Record(_ context.Context, d store.Delivery) (store.Result, error) {
	r.asked = d.CountObjects
	result := r.Result
	if !d.CountObjects {
		result.Objects = nil
	}
	return result, nil
}

func testAlertThatNoObjectSelectsIsLogged(t *testing.T) {
	var l logRecord
	change := l.options(t)
	r := &fixedResult{}
	h, _ := serve(t, &record{}, func(o *Options) {
		change(o)
		o.Credentials, o.Receiver = nil, receiver(r, o)
	})
	for name, c := range map[string]struct {
		path   string
		result store.Result
		want   string
	}{
		"selected":              {"/v1/alertmanager/a", store.Result{Selected: 1, Listening: true}, ""},
		"not known yet":         {"/v1/alertmanager/b", store.Result{}, ""},
		"nobody selects it":     {"/v1/alertmanager/c", store.Result{Unselected: 1, Example: "Slow", Listening: true}, `level=INFO msg="alerts were recorded that no object selects" namespace=c credential="" alerts=1 alertname=Slow times=1`},
		"the wrong namespace":   {"/v1/alertmanager/shpo", store.Result{Unselected: 1, Example: "Slow"}, `level=WARN msg="alerts were recorded for a namespace in which no object selects alerts: is it the right one in the URL?" namespace=shpo`},
		"nobody in the cluster": {"/v1/alertmanager", store.Result{Unselected: 1, Example: "Slow"}, `namespace=* `},
	} {
		r.Result = c.result
		for range 2 { // The second is one too many.
			if w := post(t, h, c.path, one, ""); w.Code != http.StatusOK || w.Body.Len() > 0 {
				t.Errorf("%s: answered %d %s", name, w.Code, w.Body)
			}
		}
		if lines := l.lines(); c.want == "" && len(lines) > 0 || c.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], c.want)) {
			t.Errorf("%s: logged %q, expected %q", name, lines, c.want)
		}
	}
}

func testSenderCanAskForNumberOfObjectsThatSelectItsAlert(t *testing.T) {
	two := 2
	r := &fixedResult{Result: store.Result{Selected: 1, Objects: &two}}
	h, _ := serve(t, &record{}, func(o *Options) { o.Receiver = receiver(r, o) })
	for prefer, want := range map[string]string{"return=representation": `{"selectedBy":2}`, "": "", "return=minimal": ""} {
		w, q := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/alertmanager/shop", strings.NewReader(one))
		q.Header.Set("Prefer", prefer)
		h.ServeHTTP(w, q)
		if r.asked != (want != "") || w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("Prefer %q: asked %v, answered %d %s", prefer, r.asked, w.Code, w.Body)
		}
	}
}

func testMessageThatTriggerRefusesIsLogged(t *testing.T) {
	for code, c := range map[int]struct {
		hook string
		err  error
		want string
	}{
		http.StatusUnauthorized:       {"ci", fmt.Errorf("%w: the signature is another one", triggers.ErrUnverified), `the signature is another one"`},
		http.StatusNotFound:           {"", nil, `namespace=shop`},
		http.StatusBadRequest:         {"ci", errors.New("it has no value"), `code=400`},
		http.StatusServiceUnavailable: {"ci", triggers.ErrUnavailable, ""},
	} {
		var l logRecord
		change := l.options(t)
		h, _ := serve(t, &record{}, func(o *Options) {
			change(o)
			o.Credentials, o.Receiver = nil, receiver(&record{}, o)
			o.Receiver.Listen(triggers.Endpoint{Namespace: "shop", Object: "web", Trigger: "ci", Hook: c.hook},
				func(context.Context, triggers.Message) ([]triggers.Level, error) { return nil, c.err })
			o.Receiver.ObjectsListed()
		})
		l.now = l.now.Add(time.Minute) // All endpoints are open by then.
		if w := post(t, h, "/v1/webhook/shop/ci", "{}", ""); w.Code != code {
			t.Errorf("answered %d, expected %d", w.Code, code)
		}
		if lines := l.lines(); (len(lines) == 1) != (c.want != "") || c.want != "" && !strings.Contains(lines[0], c.want) {
			t.Errorf("%d: logged %q, want %q", code, lines, c.want)
		}
	}
}

func testRefusalIsReportedToObjectsOfItsNamespaceOnceHourAndNamesNoOtherNamespace(t *testing.T) {
	var l logRecord
	var refused []string
	h, _ := serve(t, &record{}, func(o *Options) {
		l.options(t)(o)
		o.OnRefused = func(namespace, why string) { refused = append(refused, namespace+": "+why) }
	})
	post(t, h, "/v1/alertmanager/a", one, "Bearer hunter2-hunter2")
	post(t, h, "/v1/alertmanager/a", one, "")
	post(t, h, "/v1/alertmanager/b", one, "Bearer only-for-the-shop")
	post(t, h, "/v1/alertmanager/No%20namespace", one, "")
	want := []string{
		"a: the bearer token is not one of those that are valid (a request from 192.0.2.1 was answered with 401)",
		"b: its credential is not valid for this namespace (a request from 192.0.2.1 was answered with 403)",
	}
	if !slices.Equal(refused, want) {
		t.Errorf("got the refusals %q, want %q", refused, want)
	}
	l.now = l.now.Add(time.Hour)
	if post(t, h, "/v1/alertmanager/a", one, ""); len(refused) != 3 {
		t.Errorf("an hour later the refusal has been reported %d times, want 3", len(refused))
	}
}
