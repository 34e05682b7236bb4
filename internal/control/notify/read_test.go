package notify

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestRead(t *testing.T) {
	t.Run("every field of a sink is read", testEveryFieldOfSinkIsRead)
	t.Run("all mistakes are reported at once, with line and suggestion", testAllMistakesAreReportedAtOnceWithLineAndSuggestion)
	t.Run("no error quotes a secret", testNoErrorQuotesSecret)
	t.Run("the check reads no other file", testCheckReadsNoOtherFile)
	t.Run("an expression is checked by an example of each type that the sink gets", testExpressionIsCheckedByExampleOfEachType)
	t.Run("a changed file takes effect, and an invalid one changes nothing", testChangedFileTakesEffectAndInvalidOneChangesNothing)
}

// files writes files into a folder, and returns the path of sinks.yaml in it.
func files(t testing.TB, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "sinks.yaml")
}

const allFields = `
sinks:
- name: events
  timeout: 5s
  maxAge: 1h
  http:
    url: https://events.example/in
    mode: binary
    tokenFile: token
    headersFromFile: {x-scope-orgid: tenant}
    caFile: ca.pem
    certFile: cert.pem
    keyFile: key.pem
  filter:
    types: [scaled, limited]
    namespaces: [shop, bank]
    rules: [MaxReplicaCount]
    selector: team in (a, b)
    minChange: 3
- name: chat
  http: {urlFile: url, body: "{'text': event.data.message}"}
- name: bus
  nats:
    server: nats://a:4222,tls://b:4222
    subject: impulse.{cluster}.{namespace}.{name}.{type}
    stream: EVENTS
    username: impulse
    passwordFile: token
    caFile: ca.pem
`

func testEveryFieldOfSinkIsRead(t *testing.T) {
	authority := testkit.NewAuthority(t)
	cert, key := authority.Issue("impulse")
	path := files(t, map[string]string{
		"sinks.yaml": allFields, "token": "the-token\n", "tenant": "7", "url": "https://chat.example/services/hidden\n",
		"ca.pem": authority.PEM(), "cert.pem": cert, "key.pem": key,
	})
	all, err := Read(path, "prod-1")
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d sinks and the error %v, want 3", len(all), err)
	}
	trimmed := func(pem string) string { return strings.TrimRight(pem, "\n") }
	events, chat, bus := all[0], all[1], all[2]
	if selector := events.Filter.Selector; selector == nil || selector.String() != "team in (a,b)" {
		t.Errorf("the selector is %v", selector)
	}
	events.Filter.Selector = nil
	for _, c := range []struct{ got, want any }{
		{events.HTTP, &HTTP{
			URL: "https://events.example/in", Binary: true,
			Header: map[string][]string{"Authorization": {"Bearer the-token"}, "X-Scope-Orgid": {"7"}},
			TLS:    TLS{trimmed(authority.PEM()), trimmed(cert), trimmed(key)},
		}},
		{events.Filter, Filter{Types: []Type{Scaled, Limited}, Namespaces: []string{"shop", "bank"}, Rules: []string{"MaxReplicaCount"}, MinChange: 3}},
		{[]time.Duration{events.Timeout, events.MaxAge, chat.Timeout, chat.MaxAge}, []time.Duration{5 * time.Second, time.Hour, 10 * time.Second, 15 * time.Minute}},
		{chat.HTTP.URL, "https://chat.example/services/hidden"},
		{chat.HTTP.Body, "{'text': event.data.message}"},
		{bus.NATS, &NATS{
			Server: "nats://a:4222,tls://b:4222", Subject: "impulse.{cluster}.{namespace}.{name}.{type}", Stream: "EVENTS",
			Username: "impulse", Password: "the-token", TLS: TLS{CA: trimmed(authority.PEM())},
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got\n%+v\nwant\n%+v", c.got, c.want)
		}
	}
}

// mistakesInHTTP are files with one mistake in the structure or in an HTTP sink, and what is said about it.
func mistakesInHTTP() map[string]string {
	post := func(fields string) string { return "sinks: [{name: a, http: {" + fields + "}}]" }
	ok := "url: http://x"
	return map[string]string{
		"":                                       "has 0 YAML documents",
		"sinks: []\n---\nsinks: []":              "has 2 YAML documents",
		"- a":                                    "1:1: is a list (a map with sinks was expected)",
		"sinks: {}":                              "1:8: sinks: is a map (a list was expected)",
		"sink: []":                               `1:1: unknown field (did you mean "sinks"?)`,
		"{}":                                     "1:1: sinks: is required",
		"sinks: [a]":                             "sinks[0]: is of another type",
		"sinks: [{}]":                            "sinks[0].name: is required",
		"sinks: [{name: A_b}]":                   "sinks[0].name: is no name of a sink",
		"sinks: [{name: a}]":                     "sinks[0]: has 0 of http, nats (exactly one was expected)",
		"sinks: [{name: 7, http: {" + ok + "}}]": "sinks[0].name: is of another type (a string, in quotes if it looks like a number,",
		post(""):                                 "has 0 of url, urlFile",
		post("urll: x"):                          `unknown field (did you mean "url"?)`,
		post("url: 'ftp://x'"):                   "http.url: is no URL of an HTTP server (https://HOST/PATH was expected)",
		post("url: 'http://u:hidden@x'"):         "http.url: contains a user or a password",
		post("url: 'http://x#y'"):                "http.url: has a fragment",
		post(ok + ", mode: binray"):              `http.mode: is no mode of a CloudEvent (did you mean "binary"?)`,
		post(ok + ", mode: binary, body: '{}'"):  "http.mode: has no effect with body",
		post(ok + ", body: 'event.'"):            "http.body: 1:7: Syntax error",
		post(ok + ", body: '\"a\"'"):             "http.body: its result is string: a map or a list was expected",
		post(ok + ", body: '{\"a\": evnt.x}'"):   "http.body: 1:7: undeclared reference to 'evnt'",
		post(ok + ", certFile: a"):               "has only one of certFile, keyFile",

		post(ok + ", headersFromFile: {Host: a}"):                        "sets a header that Impulse sets itself",
		post(ok + ", headersFromFile: {'a b': a}"):                       "has a name that no header has",
		post(ok + ", headersFromFile: [a]"):                              "is a list (a map of header names and files was expected)",
		post(ok + ", tokenFile: a, headersFromFile: {authorization: a}"): "sets a header that Impulse sets itself, or twice",
	}
}

// mistakesInOthers are files with one mistake elsewhere.
func mistakesInOthers() map[string]string {
	ok := "url: http://x"
	filter := func(fields string) string { return "sinks: [{name: a, http: {" + ok + "}, filter: {" + fields + "}}]" }
	nats := func(fields string) string { return "sinks: [{name: a, nats: {" + fields + "}}]" }
	return map[string]string{
		filter("types: [scale]"):                                                `filter.types[0]: is no type of notification (did you mean "scaled"?)`,
		filter("types: []"):                                                     "filter.types: is an empty list (remove it to select all)",
		filter("types: scaled"):                                                 "filter.types: is of another type (a list was expected)",
		filter("namespaces: ['*']"):                                             "filter.namespaces[0]: is no name of a namespace (remove namespaces to select all)",
		filter("rules: [maxReplicas]"):                                          `filter.rules[0]: is no reason of the condition ScalingLimited (did you mean "MaxReplicaCount"?)`,
		filter("rules: [Rate], types: [scaled]"):                                "filter.rules: has no effect with these types",
		filter("minChange: 0"):                                                  "filter.minChange: is no number of replicas",
		filter("minChange: 2, types: [paused]"):                                 "filter.minChange: has no effect with these types",
		filter("selector: 'a in'"):                                              "filter.selector: is no label selector",
		nats("subject: a"):                                                      "nats.server: is required",
		nats("server: 'http://x', subject: a"):                                  "nats.server: is no URL of a NATS server",
		nats("server: 'nats://u:hidden@x', subject: a"):                         "nats.server: is no URL of a NATS server without a user",
		nats("server: 'nats://x'"):                                              "nats.subject: is required",
		nats("server: 'nats://x', subject: 'a..b'"):                             "nats.subject: is no subject to publish to",
		nats("server: 'nats://x', subject: 'a.*'"):                              "nats.subject: is no subject to publish to",
		nats("server: 'nats://x', subject: 'a.{object}'"):                       "nats.subject: contains an unknown field in braces (known are {cluster}",
		nats("server: 'nats://x', subject: a, stream: 'a.b'"):                   "nats.stream: is no name of a stream",
		nats("server: 'nats://x', subject: a, username: u"):                     "has only one of username, passwordFile",
		nats("server: 'nats://x', subject: a, tokenFile: t, credsFile: c"):      "has several ways to log in: tokenFile, credsFile",
		"sinks: [{name: a, timeout: 5, http: {" + ok + "}}]":                    "sinks[0].timeout: is of another type",
		"sinks: [{name: a, timeout: 5m, http: {" + ok + "}}]":                   "sinks[0].timeout: is no duration in its range (100ms to 1m0s was expected",
		"sinks: [{name: a, http: {" + ok + "}}, {name: a, http: {" + ok + "}}]": `"a" is the name of an earlier sink`,
		"sinks: [" + strings.Repeat("{name: a, http: {"+ok+"}},", 1) + strings.Repeat("{name: b, http: {"+ok+"}},", 1) + manySinks(20) + "]": "is more than 16 sinks",
		"sinks: [{name: a": "is not YAML",
	}
}

func testAllMistakesAreReportedAtOnceWithLineAndSuggestion(t *testing.T) {
	all := mistakesInHTTP()
	maps.Copy(all, mistakesInOthers())
	for text, want := range all {
		_, problems := Check("sinks.yaml", []byte(text))
		found := false
		var got []string
		for _, p := range problems {
			got = append(got, p.Error())
			found = found || strings.HasPrefix(p.Error(), "sinks.yaml") && strings.Contains(p.Error(), want)
		}
		if !found {
			t.Errorf("%.120s\ngot  %s\nwant %s", text, strings.Join(got, "\n     "), want)
		}
	}
	_, problems := Check("sinks.yaml", []byte("sinks:\n- name: A\n  http: {url: x}\n  filter: {types: [x]}\n- name: b\n"))
	if len(problems) != 4 || problems[3].Line != 5 {
		t.Errorf("got %v, want 4 mistakes, the last in line 5", problems)
	}
	if _, err := Read(files(t, map[string]string{"sinks.yaml": "sinks: [{name: a, nats: {server: 'nats://x', subject: '{cluster}.a'}}]"}), ""); err == nil ||
		!strings.Contains(err.Error(), "set --cluster-name of impulse run") {
		t.Errorf("{cluster} without a name: got the error %v, want the flag", err)
	}
}

// manySinks returns valid sinks with different names.
func manySinks(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString("{name: s" + strings.Repeat("x", i) + ", http: {url: 'http://x'}},")
	}
	return all.String()
}

func testNoErrorQuotesSecret(t *testing.T) {
	const secret = "hidden-secret"
	for _, text := range []string{
		"sinks: [{name: a, http: {url: 'https://x/\x01" + secret + "'}}]",
		"sinks: [{name: a, http: {url: '" + secret + "'}}]",
		"sinks: [{name: a, http: {url: [" + secret + "]}}]",
		"sinks: [{name: a, http: {url: 7, token: " + secret + ", " + secret + ": a}}]",
		"sinks: [{name: a, http: {urlFile: url}}]",
		"sinks: [{name: a, http: {url: 'http://x', tokenFile: bad}}]",
		"sinks: [{name: a, http: {url: 'http://x', caFile: bad, certFile: bad, keyFile: bad}}]",
		"sinks: [{name: a, nats: {server: 'nats://x', subject: a, nkeyFile: bad}}]",
		"sinks: " + secret,
		secret + ": {",
	} {
		path := files(t, map[string]string{"sinks.yaml": text, "url": secret, "bad": secret + "\x01\nx"})
		_, err := Read(path, "")
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got the error %v, want one without the secret", text, err)
		}
	}
}

func testCheckReadsNoOtherFile(t *testing.T) {
	n, problems := Check("sinks.yaml", []byte(allFields))
	if n != 3 || len(problems) > 0 {
		t.Errorf("got %d sinks and %v, want 3 and no mistake", n, problems)
	}
	path := files(t, map[string]string{"sinks.yaml": allFields})
	_, err := Read(path, "prod-1")
	if err == nil || strings.Count(err.Error(), "no such file") != 8 {
		t.Errorf("got the error %v, want that each of 8 files is missing", err)
	}
}

func testExpressionIsCheckedByExampleOfEachType(t *testing.T) {
	const text = "sinks: [{name: a, http: {url: 'http://x', body: %s}, filter: {types: [scaled, paused]}}]"
	for body, want := range map[string]string{
		"'{\"text\": event.data.mesage}'":                                 "for an event of type scaled: no such key: mesage",
		"'{\"rate\": 1 / event.data.from}'":                               "for an event of type paused: division by zero",
		"'{\"rate\": event.kind == \"scaled\" ? event.data.from : \"\"}'": "",
		"'{\"text\": event.data.limitedBy.join(\", \")}'":                 "",
		"'event.kind == \"scaled\" ? dyn({}) : dyn(1)'":                   "for an event of type paused: the result is int",
	} {
		_, problems := Check("x", []byte(strings.Replace(text, "%s", body, 1)))
		switch {
		case want == "" && len(problems) > 0:
			t.Errorf("%s: got %v, want no mistake", body, problems)
		case want != "" && (len(problems) == 0 || !strings.Contains(problems[0].Problem, want)):
			t.Errorf("%s: got %v, want %q", body, problems, want)
		}
	}
}

// overwrite replaces the content of a file.
func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testChangedFileTakesEffectAndInvalidOneChangesNothing(t *testing.T) {
	first, second := record(t, nil), record(t, nil)
	write := func(path, text string) { t.Helper(); overwrite(t, path, text) }
	path := files(t, map[string]string{"url": first.URL, "sinks.yaml": "sinks: [{name: a, http: {urlFile: url}}]"})
	log := testkit.NewLog(t)
	n := New(Options{File: path, HTTP: &http.Transport{}, Flush: time.Minute, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err := n.Load(); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(n)
	stop := testkit.Background(t, n.Run)
	send := func(name string) {
		n.Notify(&Event{Type: Paused, Namespace: "shop", Name: name, Target: "Deployment/web", Message: "x", Reason: "Paused", Time: time.Now()})
	}
	send("one")
	testkit.Eventually(t, "the first server has the event", func(context.Context) bool { return len(first.requests()) == 1 })
	write(path, "sinks: [{name: a, http: {url: nonsense}}]")
	testkit.Eventually(t, "the mistake is logged", func(context.Context) bool { return strings.Contains(log.String(), "is no URL of an HTTP server") })
	send("two")
	testkit.Eventually(t, "the first server has the next event", func(context.Context) bool { return len(first.requests()) == 2 })
	write(filepath.Join(filepath.Dir(path), "url"), second.URL)
	write(path, "sinks: [{name: a, http: {urlFile: url}}, {name: b, http: {urlFile: url}}]")
	testkit.Eventually(t, "there are two sinks", func(context.Context) bool { return len(*n.sinks.Load()) == 2 })
	send("three")
	testkit.Eventually(t, "the second server has the event of both sinks", func(context.Context) bool { return len(second.requests()) == 2 })
	if got := testutil.ToFloat64(n.metrics.total.WithLabelValues("a", resultSent)); got != 3 {
		t.Errorf("counted %v sent by sink a, want 3: it keeps its counters", got)
	}
	write(path, "sinks: [{name: b, http: {urlFile: url}}]")
	testkit.Eventually(t, "there is one sink", func(context.Context) bool { return len(*n.sinks.Load()) == 1 })
	expectNoMetrics(t, registry, "a")
	send("four")
	stop()
	if len(second.requests()) != 3 {
		t.Errorf("the server has %d events, want 3: what is queued is sent before the end", len(second.requests()))
	}
}

// expectNoMetrics fails the test if a metric has a sink as a label.
func expectNoMetrics(t *testing.T, registry *prometheus.Registry, sink string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[len(m.GetLabel())-1].GetValue() == sink {
				t.Errorf("%s still has the sink that was removed", f.GetName())
			}
		}
	}
}

// FuzzRead checks that no file makes the parser panic, and that sinks without mistakes can be opened.
func FuzzRead(f *testing.F) {
	f.Add([]byte(allFields))
	f.Add([]byte("sinks: [{name: a, http: {url: 'http://x', body: '{\"a\": event.id}'}, filter: {selector: 'a,!b', minChange: 1}}]"))
	f.Add([]byte("sinks: [{name: a, nats: {server: 'nats://x', subject: '{name}'}}]"))
	f.Add([]byte("a: &a {sinks: *a}\nsinks: *a"))
	f.Fuzz(func(t *testing.T, content []byte) {
		p := newParser("f", "example")
		sinks := p.parse(content)
		if p.Count() > 0 {
			return
		}
		n := New(Options{HTTP: &http.Transport{}})
		for _, s := range sinks {
			transport, err := n.open(s)
			if err != nil {
				t.Fatalf("a sink without mistakes cannot be opened: %v", err)
			}
			transport.close()
			for _, e := range examples(Types()) {
				s.Filter.Match(e)
			}
		}
	})
}
