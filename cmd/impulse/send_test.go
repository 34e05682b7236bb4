package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestSend(t *testing.T) {
	t.Run("an alert is sent as Alertmanager sends it", testAlertIsSentAsAlertmanagerSendsIt)
	t.Run("sending an alert prints the number of objects that select it", testSendingAlertPrintsNumberOfObjectsThatSelectIt)
	t.Run("a value is sent to its trigger", testValueIsSentToItsTrigger)
	t.Run("a refused message is reported with a remedy", testRefusedMessageIsReportedWithRemedy)
	t.Run("a refusal of access says whether a token was sent", testRefusalOfAccessSaysWhetherTokenWasSent)
	t.Run("a server that does not listen at the default address is reported with the tunnel", testServerThatDoesNotListenIsReportedWithTunnel)
	t.Run("the server's certificate is checked", testServersCertificateIsChecked)
	t.Run("a message that cannot be sent is reported", testMessageThatCannotBeSentIsReported)
}

// received is the last request that a server got.
type received struct {
	method, path, token, prefer string
	body                        map[string]any
}

// newReceiver returns a server that answers with a code and a text, and the last request that it got.
func newReceiver(t *testing.T, code int, text string, secure bool) (*httptest.Server, *received) {
	t.Helper()
	last := &received{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		last.body = nil
		if err == nil {
			err = json.Unmarshal(body, &last.body)
		}
		if err != nil {
			t.Error(err)
		}
		last.method, last.path, last.token = r.Method, r.URL.Path, r.Header.Get("Authorization")
		last.prefer = r.Header.Get("Prefer")
		if code/100 == 3 {
			w.Header().Set("Location", "https://elsewhere.example/")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	})
	if secure {
		s := httptest.NewTLSServer(h)
		t.Cleanup(s.Close)
		return s, last
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s, last
}

func testAlertIsSentAsAlertmanagerSendsIt(t *testing.T) {
	t.Setenv(tokenVariable, "from-the-environment\n")
	s, last := newReceiver(t, http.StatusOK, `{"selectedBy": 1}`, false)
	code, out, errs := impulse(t, "", "send", "alert", "--server", s.URL+"/", "-n", "shop", "severity=page", "alertname=Slow", "--annotation", "value=1=2")
	if code != 0 || errs != "" || out != "recorded (200): {alertname=\"Slow\", severity=\"page\"} fires for the objects of namespace shop; 1 object selects it\n"+
		"next: impulse explain NAMESPACE/NAME shows what it changed\n" {
		t.Errorf("got exit code %d, want 0; output %q %q", code, out, errs)
	}
	if last.method != http.MethodPost || last.path != "/v1/alertmanager/shop" || last.token != "Bearer from-the-environment" || last.body["version"] != "4" {
		t.Errorf("sent %+v", last)
	}
	if text, _ := json.Marshal(last.body["alerts"]); !strings.Contains(string(text), `"annotations":{"value":"1=2"},"endsAt":"0001-01-01T00:00:00Z","labels":{"alertname":"Slow","severity":"page"}`) {
		t.Errorf("sent %s", text)
	}
	code, out, _ = impulse(t, "", "send", "alert", "--server", s.URL, "--cluster", "alertname=Slow", "--resolve")
	if code != 0 || !strings.Contains(out, "; an alert ends only if these are all of its labels: impulse alerts -o wide") || last.path != "/v1/alertmanager" || last.body["status"] != "resolved" {
		t.Errorf("got exit code %d, want 0; sent %+v", code, last)
	}
}

func testSendingAlertPrintsNumberOfObjectsThatSelectIt(t *testing.T) {
	for answer, want := range map[string]string{
		`{"selectedBy": 2}`: "fires for the objects of namespace shop; 2 objects select it\nnext: impulse explain NAMESPACE/NAME shows what it changed",
		`{"selectedBy": 1}`: "; 1 object selects it\n",
		`{"selectedBy": 0}`: "; no object selects it\nnext: impulse alerts lists what is recorded and which objects select it; impulse get -A lists the objects",
		"": "fires for the objects of namespace shop; which objects select it is not known yet, as Impulse has just started\n" +
			"next: impulse alerts lists what is recorded and which objects select it; ",
	} {
		s, last := newReceiver(t, http.StatusOK, answer, false)
		code, out, errs := impulse(t, "", "send", "alert", "--server", s.URL, "-n", "shop", "alertname=Slow")
		if code != 0 || errs != "" || !strings.Contains(out, want) || last.prefer != "return=representation" {
			t.Errorf("%s: %d %q %q, expected %q", answer, code, out, errs, want)
		}
	}
	s, _ := newReceiver(t, http.StatusOK, `{"selectedBy": 0}`, false)
	if code, out, _ := impulse(t, "", "send", "alert", "--server", s.URL, "-n", "shop", "alertname=Slow", "-o", "json"); code != 0 || !strings.Contains(out, `"selectedBy": 0`) {
		t.Errorf("as JSON: got exit code %d, want 0; output %s", code, out)
	}
}

func testValueIsSentToItsTrigger(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(" from-a-file \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, last := newReceiver(t, http.StatusOK, "", false)
	code, out, errs := impulse(t, "", "send", "value", "shop/worker", "--trigger", "jobs", "42.5", "--ttl", "60s", "--server", s.URL, "--token-file", file)
	if code != 0 || errs != "" || out != "recorded (200): the level of trigger jobs of shop/worker is 42.5\nnext: impulse explain shop/worker shows what it changed\n" {
		t.Errorf("got exit code %d, want 0; output %q %q", code, out, errs)
	}
	if last.method != http.MethodPut || last.path != "/v1/namespaces/shop/scaledobjects/worker/triggers/jobs" || last.token != "Bearer from-a-file" ||
		last.body["value"] != "42.5" || last.body["ttl"] != "1m0s" {
		t.Errorf("sent %+v", last)
	}
	code, out, _ = impulse(t, "", "send", "value", "shop/worker", "--trigger", "jobs", "1", "--server", s.URL, "-o", "json")
	if code != 0 || !strings.Contains(out, `"code": 200`) || last.body["ttl"] != nil {
		t.Errorf("got exit code %d, want 0; output %s", code, out)
	}
}

func testRefusedMessageIsReportedWithRemedy(t *testing.T) {
	for _, c := range []struct {
		answer    int
		text      string
		code      int
		out, errs string
	}{
		{http.StatusNotFound, "no trigger is called jobs\n", 1, "refused (404): no trigger is called jobs\nnext: impulse get -A", ""},
		{http.StatusBadRequest, "\"value\" is wrong\n", 1, "refused (400): \"value\" is wrong\n", ""},
		{http.StatusUnauthorized, "no access\n", 1, "refused (401): no access: no token was sent\nnext: set --token-file", ""},
		{http.StatusForbidden, "no access\n", 1, "next: use a token that is valid for this namespace", ""},
		{http.StatusServiceUnavailable, "nobody leads\n", 2, "refused (503): nobody leads\n", "is not available at present: try again"},
		{http.StatusFound, "", 2, "", `redirects to "https://elsewhere.example/": name that server`},
	} {
		s, _ := newReceiver(t, c.answer, c.text, false)
		code, out, errs := impulse(t, "", "send", "value", "shop/worker", "--trigger", "jobs", "1", "--server", s.URL)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%d: %d %q %q", c.answer, code, out, errs)
		}
	}
	if code, out, errs := impulse(t, "", "send", "value", "shop/worker", "--trigger", "jobs", "1", "--server", "http://"+testkit.FreeAddress(t)); code != 2 || out != "" || !strings.Contains(errs, "connection refused") {
		t.Errorf("without a server: got exit code %d, want 2; output %q %q; want connection refused", code, out, errs)
	}
}

func testServersCertificateIsChecked(t *testing.T) {
	s, _ := newReceiver(t, http.StatusOK, "", true)
	args := []string{"send", "value", "shop/worker", "--trigger", "jobs", "1", "--server", s.URL}
	if code, _, errs := impulse(t, "", args...); code != 2 || !strings.Contains(errs, "unknown authority") {
		t.Errorf("got exit code %d, want 2; output %q; want unknown authority", code, errs)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := impulse(t, "", append(args, "--ca-file", file)...); code != 0 {
		t.Errorf("got exit code %d, want 0; output %q", code, errs)
	}
}

func testMessageThatCannotBeSentIsReported(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("hunter2 hunter3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"give the labels of the alert":                   {"alert"},
		`label "Slow": expected NAME=VALUE`:              {"alert", "Slow"},
		"label a is given twice":                         {"alert", "a=1", "a=2"},
		`--annotation "x": expected NAME=VALUE`:          {"alert", "a=1", "--annotation", "x"},
		"--namespace and --cluster exclude each other":   {"alert", "a=1", "--cluster", "-n", "shop"},
		`--server is "impulse": expected a URL`:          {"alert", "a=1", "--server", "impulse"},
		"--server contains credentials":                  {"alert", "a=1", "--server", "http://me:hunter2@impulse"},
		`--output is "xml": expected text, json or yaml`: {"alert", "a=1", "-o", "xml"},
		"the token contains a space":                     {"alert", "a=1", "--token-file", secret},
		"--token-file: open /nowhere":                    {"alert", "a=1", "--token-file", "/nowhere"},
		"give one object and a value":                    {"value", "shop/worker", "--trigger", "jobs"},
		"give one object and a value: NAMESPACE/NAME":    {"value", "worker", "42", "--trigger", "jobs"},
		"--trigger is required":                          {"value", "shop/worker", "42"},
		`the value: "many" is not a number`:              {"value", "shop/worker", "many", "--trigger", "jobs"},
	} {
		code, out, errs := impulse(t, "", append([]string{"send"}, args...)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) || strings.Contains(errs, "hunter") {
			t.Errorf("%v: %d %q %q, expected %q", args, code, out, errs, want)
		}
	}
}

func testRefusalOfAccessSaysWhetherTokenWasSent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := newReceiver(t, http.StatusUnauthorized, "no access\n", false)
	args := []string{"send", "value", "shop/worker", "--trigger", "jobs", "1", "--server", s.URL}
	t.Setenv(tokenVariable, "hunter2")
	for want, more := range map[string][]string{
		"refused (401): no access: the token of IMPULSE_TOKEN was not accepted\nnext: use a token of": nil,
		"refused (401): no access: the token of " + file + " was not accepted\nnext: use a token of":  {"--token-file", file},
	} {
		if code, out, errs := impulse(t, "", append(args, more...)...); code != 1 || errs != "" || !strings.HasPrefix(out, want) || strings.Contains(out, "hunter2") {
			t.Errorf("got exit code %d, %q %q, want %q", code, out, errs, want)
		}
	}
}

func testServerThatDoesNotListenIsReportedWithTunnel(t *testing.T) {
	const tunnel = "kubectl -n impulse-system port-forward svc/impulse 8080:80"
	cmd := sendAlertCommand()
	cmd.SetContext(t.Context())
	to := client{server: "http://" + testkit.FreeAddress(t)}
	if err := to.send(cmd, message{method: http.MethodPost, path: "/"}); err == nil || !strings.Contains(err.Error(), tunnel) {
		t.Errorf("got %v, want %s in it", err, tunnel)
	}
	if err := cmd.Flags().Set("server", to.server); err != nil {
		t.Fatal(err)
	}
	if err := to.send(cmd, message{method: http.MethodPost, path: "/"}); err == nil || strings.Contains(err.Error(), tunnel) {
		t.Errorf("with --server: got %v", err)
	}
}
