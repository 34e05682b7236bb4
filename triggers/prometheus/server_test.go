package prometheus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestServer(t *testing.T) {
	t.Run("faults of a server are unknown, with a reason of one line", testFaultsOfServerAreUnknownWithReasonOfOneLine)
	t.Run("a response that M3 has limited is unknown", testResponseThatM3HasLimitedIsUnknown)
	t.Run("an info message of the server is not a fault", testInfoMessageOfServerIsNotFault)
	t.Run("a slow server is unknown after the timeout", testSlowServerIsUnknownAfterTimeout)
	t.Run("a truncated response is unknown", testTruncatedResponseIsUnknown)
	t.Run("a server that does not exist is unknown", testServerThatDoesNotExistIsUnknown)
}

// serveWith starts a server whose faults a real Prometheus does not have.
func serveWith(tb testing.TB, handler http.HandlerFunc) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

// serve answers every request with one status and body.
func serve(tb testing.TB, status int, body string) *httptest.Server {
	tb.Helper()
	return serveWith(tb, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// one is a good answer.
const one = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"42.5"]}]}}`

// environment returns a trigger's Env with these secrets.
func environment(secrets map[string]string) triggers.Env {
	return triggers.Env{
		Namespace: "shop", Object: "cart", Trigger: "hits", PollingInterval: time.Second, HTTP: &http.Client{}, Now: time.Now,
		Secrets: triggertest.Secrets(secrets),
	}
}

func configured(address string) Config {
	c := defaults()
	c.ServerAddress, c.Query, c.Threshold = address, "sum(hits)", 100_000
	return c
}

func mustReader(tb testing.TB, c Config, env triggers.Env) *reader {
	tb.Helper()
	r, err := newReader(c, env)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func testFaultsOfServerAreUnknownWithReasonOfOneLine(t *testing.T) {
	page := "<html><body>" + strings.Repeat("token=hunter2 ", 10_000) + "</body></html>"
	for name, c := range map[string]struct {
		status int
		body   string
		reason string
	}{
		"503":                           {503, page, "server error: 503"},
		"500 with an error":             {500, `{"status":"error","errorType":"internal","error":"boom"}`, "server error: 500"},
		"404":                           {404, page, "client error: 404"},
		"401":                           {401, page, "client error: 401"},
		"403, also for a GET":           {403, page, "client error: 403"},
		"a web page":                    {200, page, "is this the address of a Prometheus?"},
		"an empty body":                 {200, "", "is this the address of a Prometheus?"},
		"half an answer":                {200, one[:60], "is this the address of a Prometheus?"},
		"JSON of another server":        {200, `{"hello":"world"}`, "is this the address of a Prometheus?"},
		"no content":                    {204, "", "it answered 204 No Content: only 200 is a complete answer"},
		"half a range":                  {206, one, "it answered 206 Partial Content: only 200 is a complete answer"},
		"a word of its own":             {200, strings.Replace(one, "success", "partly", 1), "is this the address of a Prometheus?"},
		"a bad query":                   {400, `{"status":"error","errorType":"bad_data","error":"1:3: parse error:\nunexpected\tend"}`, `bad_data: 1:3: parse error:\nunexpected\tend`},
		"too slow for the server":       {422, `{"status":"error","errorType":"execution","error":"too many samples"}`, "execution: too many samples"},
		"an error with status success":  {200, `{"status":"error","errorType":"timeout","error":"expired"}`, "timeout: expired"},
		"an endless error":              {400, `{"status":"error","errorType":"bad_data","error":"` + strings.Repeat("x", 9000) + `"}`, "xxx…"},
		"more than one number needs":    {200, `{"a":"` + strings.Repeat("x", maxAnswerBytes) + `"}`, "larger than 1 MiB"},
		"warnings":                      {200, strings.Replace(one, `{"status"`, `{"warnings":["one store\nis away"],"status"`, 1), `may be incomplete: one store\nis away`},
		"a storage node is away":        {200, strings.Replace(one, `{"status"`, `{"isPartial":true,"status"`, 1), "may be incomplete: isPartial is true"},
		"partial in another type":       {200, strings.Replace(one, `{"status"`, `{"isPartial":"true","status"`, 1), "is this the address of a Prometheus?"},
		"a warning without a text":      {200, strings.Replace(one, `{"status"`, `{"warnings":[""],"status"`, 1), "may be incomplete: there is a warning"},
		"warnings beside the result":    {200, strings.Replace(one, `"data":{`, `"data":{"warnings":["no store matched"],`, 1), `may be incomplete: "no store matched"`},
		"histograms were ignored":       {200, strings.Replace(one, `{"status"`, `{"infos":["PromQL info: ignored histogram in max aggregation (1:1)"],"status"`, 1), "may be incomplete: PromQL info: ignored histogram in max"},
		"types that do not go together": {200, strings.Replace(one, `{"status"`, `{"infos":["PromQL info: incompatible sample types encountered for binary operator"],"status"`, 1), "may be incomplete: PromQL info: incompatible"},
		"no value":                      {200, strings.Replace(one, `,"value":[1700000000,"42.5"]`, ``, 1), "the value of element 0 is not a time and a number"},
		"a value that is null":          {200, strings.Replace(one, `[1700000000,"42.5"]`, `null`, 1), "the value of element 0 is not a time and a number"},
		"a time alone":                  {200, strings.Replace(one, `,"42.5"]`, `]`, 1), "the value of element 0 is not a time and a number"},
		"an element that is null":       {200, strings.Replace(one, `{"metric":{},"value":[1700000000,"42.5"]}`, `null`, 1), "the value of element 0 is not a time and a number"},
		"a scalar without a number":     {200, `{"status":"success","data":{"resultType":"scalar","result":[1700000000]}}`, "the scalar is not a time and a number"},
		"a string":                      {200, `{"status":"success","data":{"resultType":"string","result":[1700000000,"7"]}}`, "the answer is a string, not a number"},
		"a result that is null":         {200, `{"status":"success","data":{"resultType":"vector","result":null}}`, "data.result is missing"},
		"several elements":              {200, strings.Replace(one, `[{`, `[{"metric":{},"value":[1,"1"]},{`, 1), "has 2 elements"},
		"NaN":                           {200, strings.Replace(one, `42.5`, `NaN`, 1), "is NaN"},
		"an unknown type of result":     {200, strings.Replace(one, `vector`, `tensor`, 1), "is this the address of a Prometheus?"},
		"a number that is not a number": {200, strings.Replace(one, `42.5`, `many`, 1), "is this the address of a Prometheus?"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.status, c.body)
			value, err := mustReader(t, configured(server.URL), environment(nil)).Read(t.Context())
			if err == nil {
				t.Fatalf("got %v, want unknown", value)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "query "+strings.TrimPrefix(server.URL, "http://")+": ") || !strings.Contains(text, c.reason) {
				t.Errorf("the reason is %q, want one with %q", text, c.reason)
			}
			if len(text) > 400 || strings.ContainsAny(text, "\n\r\t") || strings.Contains(text, "hunter2") {
				t.Errorf("the reason is no short line: %q", text)
			}
		})
	}
}

func testResponseThatM3HasLimitedIsUnknown(t *testing.T) {
	for header, value := range map[string]string{
		"M3-Results-Limited": "max_fetch_series_limit_applied", "M3-Returned-Data-Limited": `{"Limited":true,"Series":2,"TotalSeries":5}`,
	} {
		server := serveWith(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			_, _ = w.Write([]byte(one))
		})
		if v, err := mustReader(t, configured(server.URL), environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "may be incomplete: "+header) {
			t.Errorf("%s: got %v, %v", header, v, err)
		}
	}
}

func testInfoMessageOfServerIsNotFault(t *testing.T) {
	server := serve(t, 200, strings.Replace(one, `{"status"`, `{"infos":["metric might not be a counter"],"status"`, 1))
	if v, err := mustReader(t, configured(server.URL), environment(nil)).Read(t.Context()); err != nil || v != 42_500 {
		t.Errorf("got %v, %v", v, err)
	}
}

func testSlowServerIsUnknownAfterTimeout(t *testing.T) {
	release := make(chan struct{})
	server := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") == "body" {
			_, _ = w.Write([]byte(one[:20]))
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	defer close(release)
	for _, query := range []string{"headers", "body"} {
		c := configured(server.URL)
		c.Query, c.Timeout = query, 20*time.Millisecond
		if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "no answer within 20ms") {
			t.Errorf("slow %s: got %v, %v", query, v, err)
		}
	}
}

func testTruncatedResponseIsUnknown(t *testing.T) {
	server := serveWith(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(one))
	})
	if v, err := mustReader(t, configured(server.URL), environment(nil)).Read(t.Context()); err == nil {
		t.Errorf("got %v, want unknown", v)
	}
}

func testServerThatDoesNotExistIsUnknown(t *testing.T) {
	v, err := mustReader(t, configured("http://"+testkit.FreeAddress(t)), environment(nil)).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "api/v1") {
		t.Errorf("got %v, %v", v, err)
	}
}
