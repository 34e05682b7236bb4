package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSimulate(t *testing.T) {
	t.Run("a load is simulated, and any instant of it is explained", testLoadIsSimulatedAndAnyInstantOfItIsExplained)
	t.Run("an instant of a test is explained", testInstantOfTestIsExplained)
	t.Run("an instant that cannot be explained is reported", testInstantThatCannotBeExplainedIsReported)
	t.Run("a Prometheus that is slow, cut off or not there is reported", testPrometheusThatIsSlowCutOffOrNotThereIsReported)
}

func testLoadIsSimulatedAndAnyInstantOfItIsExplained(t *testing.T) {
	t.Chdir("testdata/load")
	for name, args := range map[string]string{
		"table.txt":   "simulate web.yaml --input load.csv --startup-delay 30s --baseline hpa,keda,constant,oracle",
		"table.json":  "simulate web.yaml --input load.csv -o json",
		"instant.txt": "explain web.yaml --input load.csv --at 2026-03-01T08:21:00Z",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 0 || errs != "" {
			t.Errorf("%s: got exit code %d, want 0; output %s", args, code, errs)
		}
		golden(t, name, out)
	}
}

func testInstantOfTestIsExplained(t *testing.T) {
	t.Chdir("testdata/checkout")
	code, out, errs := impulse(t, "", "explain", "failing.test.yaml", "--run", "longer", "--at", "30s")
	if code != 0 || errs != "" {
		t.Errorf("got exit code %d, want 0; output %s", code, errs)
	}
	golden(t, "explained.txt", out)
}

func testInstantThatCannotBeExplainedIsReported(t *testing.T) {
	t.Chdir("testdata/checkout")
	for args, want := range map[string]string{
		"explain":                                          "name objects, as NAME or NAMESPACE/NAME, or one file; or select objects with -l or -A",
		"explain web passing.test.yaml":                    "name objects",
		"explain passing.test.yaml":                        "7 tests of passing.test.yaml match: select one test with --run",
		"explain absent.yaml":                              "absent.yaml",
		"explain failing.test.yaml --run longer --at=-1s":  "--at -1s is before the start",
		"explain failing.test.yaml --run longer --at noon": `--at: "noon" is neither a time`,
		"explain failing.test.yaml --run (":                "--run: error parsing regexp",
		"explain web -o xml":                               `--output is "xml": expected text, json or yaml`,
		"explain web --kubeconfig absent":                  "find the cluster: ",
		"simulate absent.yaml --input load.csv":            "absent.yaml: there is no such file",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s%s, want %q", args, code, out, errs, want)
		}
	}
}

// sendHalf sends half of the announced body, and closes the connection.
func sendHalf(w http.ResponseWriter, _ *http.Request) {
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n%s", half)
	_ = out.Flush()
}

// hang sends no response until the client gives up. The server detects that only after it has read the request.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

const half = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1772352000,"1"],[17723`

func testPrometheusThatIsSlowCutOffOrNotThereIsReported(t *testing.T) {
	t.Chdir("testdata/load")
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		args   string
		want   []string
	}{
		"slow": {
			func(_ http.ResponseWriter, r *http.Request) { hang(r) }, "--timeout 50ms",
			[]string{"for trigger rps", "no complete answer within 50ms", "a longer --step", "--timeout"},
		},
		"slow in the middle": {
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, half)
				_ = http.NewResponseController(w).Flush()
				hang(r)
			}, "--timeout 50ms", []string{"no complete answer within 50ms"},
		},
		"cut off":         {sendHalf, "", []string{"for trigger rps", "the answer was cut off", "try again"}},
		"half an answer":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, half) }, "", []string{"only the beginning of one"}},
		"another program": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "", []string{"the answer is not one of a Prometheus"}},
		"a mistaken query": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}`)
			}, "", []string{"parse error: unexpected end of input"},
		},
		"no such path": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "", []string{"404"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			code, out, errs := impulse(t, "", strings.Fields("simulate web.yaml --from 1h --prometheus "+server.URL+" "+c.args)...)
			if code != 2 || out != "" || !strings.Contains(errs, "query "+server.URL) {
				t.Errorf("got exit code %d, want 2; output %s%s", code, out, errs)
			}
			for _, part := range c.want {
				if !strings.Contains(errs, part) {
					t.Errorf("the error is %s, want %q in it", errs, part)
				}
			}
			t.Log(errs)
		})
	}
}
