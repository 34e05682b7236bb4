package prometheus

import (
	"net/http"
	"strings"
	"testing"
)

func TestPartial(t *testing.T) {
	t.Run("an answer in which data may be missing is read only if that is accepted", testAnswerInWhichDataMayBeMissing)
	t.Run("an accepted answer that has no number is unknown", testAcceptedAnswerThatHasNoNumberIsUnknown)
}

// with returns the good answer with one more member.
func with(member string) string { return strings.Replace(one, `{"status"`, "{"+member+`,"status"`, 1) }

func testAnswerInWhichDataMayBeMissing(t *testing.T) {
	for name, c := range map[string]struct{ header, body string }{
		"warnings":                        {body: with(`"warnings":["No StoreAPIs matched for this query"]`)},
		"warnings beside the result":      {body: strings.Replace(one, `"data":{`, `"data":{"warnings":["a store is away"],`, 1)},
		"a storage node is not available": {body: with(`"isPartial":true`)},
		"histograms were ignored":         {body: with(`"infos":["PromQL info: ignored histogram in max aggregation (1:1)"]`)},
		"a limit was reached":             {header: "M3-Results-Limited", body: one},
	} {
		t.Run(name, func(t *testing.T) {
			server := serveWith(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set(c.header, "max_fetch_series_limit_applied")
				}
				_, _ = w.Write([]byte(c.body))
			})
			config := configured(server.URL)
			if v, err := mustReader(t, config, environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "may be incomplete") {
				t.Errorf("by default: got %v, error %v; want that the answer may be incomplete", v, err)
			}
			config.AcceptPartial = true
			if v, err := mustReader(t, config, environment(nil)).Read(t.Context()); err != nil || v != 42_500 {
				t.Errorf("if accepted: got %v, error %v; want 42.5", v, err)
			}
		})
	}
}

func testAcceptedAnswerThatHasNoNumberIsUnknown(t *testing.T) {
	partial := with(`"warnings":["a store is away"],"isPartial":true`)
	for reason, body := range map[string]string{
		"the answer is empty": strings.Replace(partial, `{"metric":{},"value":[1700000000,"42.5"]}`, "", 1),
		"the answer is NaN":   strings.Replace(partial, "42.5", "NaN", 1),
		"the value of element 0 is not a time and a number": strings.Replace(partial, `,"42.5"`, "", 1),
		"is this the address of a Prometheus?":              partial[:len(partial)-9],
	} {
		c := configured(serve(t, http.StatusOK, body).URL)
		c.AcceptPartial = true
		if v, err := mustReader(t, c, environment(nil)).Read(t.Context()); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("got %v, error %v; want %q", v, err, reason)
		}
	}
}
