package prometheus

import (
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/triggers"
)

func TestScan(t *testing.T) {
	t.Run("the answers of a Prometheus are scanned", testAnswersOfPrometheusAreScanned)
	t.Run("every other answer is left to the client library", testEveryOtherAnswerIsLeftToClientLibrary)
}

// usual are answers that are scanned, and their numbers.
var usual = map[string]float64{
	one: 42.5,
	`{"status": "success", "data": {"resultType": "scalar", "result": [1790000000, "1e3"]}}` + "\n":                                                      1000,
	`{"status":"success","data":{"resultType":"scalar","result":[1790000000.5,"-Inf"]}}`:                                                                 math.Inf(-1),
	`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a b{}"},"value":[1790000000.123456,"0.1"]}]}}` + "\n": 0.1,
}

func testAnswersOfPrometheusAreScanned(t *testing.T) {
	for body, want := range usual {
		if got := scan([]byte(body)); got == nil || float64(got.Value) != want {
			t.Errorf("%s: got %v, want %v", body, got, want)
		}
	}
	for _, name := range []string{"prometheus-vector", "prometheus-scalar"} {
		body, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if scan(body) == nil {
			t.Errorf("%s is not scanned", name)
		}
	}
}

func testEveryOtherAnswerIsLeftToClientLibrary(t *testing.T) {
	for old, changed := range map[string][]string{
		`{"status"`:                {`{"warnings":["a store is away"],"status"`, `{"isPartial":true,"status"`, `{"status":"success","status"`, `"status"`},
		`success`:                  {`error`, ``},
		`vector`:                   {`matrix`, `string`, `scalar`, ``},
		`[{`:                       {`[{"histogram":[1,{}],`, `[{"metric":{},"value":[1,"1"]},{`, `[`, `{`},
		`"metric":{}`:              {`"metric":{"1":""}`, `"metric":{"a":"é"}`, `"metric":{"a":"\n"}`, `"metric":{"a":1}`, `"metric":{"a":"b",}`, `"metric":{"a"}`, `"metric":null`, ``},
		`,"value"`:                 {`,"value":[1,"1"],"value"`, `"value"`, ``},
		`[1700000000,`:             {`[`, `["1",`, `[-1,`, `[1.,`, `[01,`, `[1e9,`, `[null,`, `[1234567890123456,`},
		`"42.5"`:                   {`42.5`, `null`, `""`, `"many"`, `"1e999"`, `"42.5`, `"42.5","1"`, "\"\x0042.5\""},
		`[1700000000,"42.5"]`:      {`[]`, `[1]`, `null`, `"42.5"`},
		`{"metric":{},"value":[`:   {`[`, `null`},
		`}]}}`:                     {`}]}},{}`, "}]}}\x00", `}]}`, `}]`, `},`, `}]},"warnings":["a store is away"]}`, `}],"warnings":["a store is away"]}}`},
		`{"metric":{},"value":[17`: {`{"metric":{},"value":[17`[:10] + "\x00"},
	} {
		for _, by := range changed {
			body := strings.Replace(one, old, by, 1)
			if got := scan([]byte(body)); body == one || got != nil {
				t.Errorf("%s: got %v, want that it is not scanned", body, got)
			}
		}
	}
}

// FuzzScan: what is scanned is complete, and the client library decodes it to the same number.
func FuzzScan(f *testing.F) {
	for body := range usual {
		f.Add([]byte(body))
	}
	c, err := newClient(configured("http://prometheus:9090"), triggers.Env{HTTP: http.DefaultClient})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := scan(body)
		if got == nil {
			return
		}
		answer := &response{&http.Response{StatusCode: http.StatusOK}, body}
		decoded, err := c.decode(t.Context(), answer, "", false)
		if err != nil {
			t.Fatalf("got %v, but the client library returned the error %v", got, err)
		}
		want, err := single(decoded)
		if err != nil {
			t.Fatalf("got %v, but the client library returned the error %v", got, err)
		}
		if !got.Value.Equal(model.SampleValue(want)) {
			t.Errorf("got %v, but the client library decoded %v", got, want)
		}
	})
}
