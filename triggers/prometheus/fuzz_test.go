package prometheus

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// FuzzAnswer: each answer of a server gives a level that is not below 0, or an error of one short line.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		one, one[:50], `{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}`, `null`, `[]`, `{"data":null}`,
		`{"status":"success","data":{"resultType":"vector","result":[null]}}`, `{"status":"success","data":{"resultType":"vector","result":[{}]}}`,
		`{"status":"success","isPartial":true,"data":{"resultType":"scalar","result":[1]}}`, `{"status":"success","data":{"resultType":"string","result":[1,"7"]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"histogram":[1,{"count":"1","sum":"1"}]}]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"1"]]}]}}`,
		`{"status":"error","errorType":"bad_data","error":"\u0000"}`,
	} {
		f.Add(200, []byte(body), true)
		f.Add(400, []byte(body), false)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, zero bool) {
		if status < 100 || status > 999 {
			return
		}
		env := environment(nil)
		env.HTTP = &http.Client{Transport: triggertest.Canned(func(*http.Request) (int, []byte) { return status, body })}
		c := configured("http://prometheus:9090")
		c.IgnoreNullValues, c.NegativeIsZero = zero, zero
		value, err := mustReader(t, c, env).Read(t.Context())
		if err == nil {
			if value < 0 || status != http.StatusOK {
				t.Errorf("status %d: level %v", status, value)
			}
			return
		}
		if text := err.Error(); utf8.RuneCountInString(text) > 600 || strings.ContainsAny(text, "\n\r\x00") {
			t.Errorf("no short line: %q", text)
		}
	})
}

// FuzzPairs: a list that is accepted can be sent as headers.
func FuzzPairs(f *testing.F) {
	for _, list := range []string{"", "a=b", "a=b,c=d=e", "=,", "a\r\n=b", "X-\x00=1"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		c := configured("http://prometheus:9090")
		c.CustomHeaders = strings.Split(list, ",")
		if c.Validate() != nil {
			return
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.ServerAddress, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		headers, _ := pairs("customHeaders", c.CustomHeaders)
		for _, h := range headers {
			request.Header.Add(h.key, h.value)
		}
		if err := request.Header.Write(io.Discard); err != nil {
			t.Error(err)
		}
		for _, h := range headers {
			if h.key == "" || strings.ContainsAny(h.key+h.value, "\r\n") {
				t.Errorf("%q gave the header %q: %q", list, h.key, h.value)
			}
		}
	})
}
