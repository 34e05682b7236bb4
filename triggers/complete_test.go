package triggers

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	t.Run("the missing part of a response is named", testMissingPartOfResponseIsNamed)
}

// reply is an answer with every shape that a field may have.
type reply struct {
	Count *int64     `json:"count" required:"true"`
	At    *time.Time `json:"at" required:"true"`
	Data  *struct {
		Items []*item           `json:"items" required:"true"`
		Names map[string]string `json:"names" required:"true"`
		Raw   *json.RawMessage  `json:"raw,omitempty" required:"true"`
		Words []string          `json:"words"`
	} `json:"data" required:"true"`
	Inner struct {
		Size *int `json:"size" required:"true"`
	} `json:"inner"`
	Note *item `json:"note"`
}

type item struct {
	Value []*string `json:"value" required:"true"`
}

func testMissingPartOfResponseIsNamed(t *testing.T) {
	t.Parallel()
	const whole = `{"count":0,"at":"2026-01-01T00:00:00Z","data":{"items":[{"value":["a"]}],"names":{},"raw":0,"words":null},"inner":{"size":0},"note":null}`
	for name, c := range map[string]struct{ from, to, lacks string }{
		"nothing":                    {"", "", ""},
		"a list without elements":    {`{"value":["a"]}`, ``, ""},
		"an optional struct, whole":  {`"note":null`, `"note":{"value":[]}`, ""},
		"a number":                   {`"count":0,`, ``, "count is missing"},
		"a number that is null":      {`"count":0`, `"count":null`, "count is missing"},
		"a time":                     {`"at":"2026-01-01T00:00:00Z"`, `"at":null`, "at is missing"},
		"a struct":                   {`"data":{`, `"other":{`, "data is missing"},
		"a list":                     {`"items":[`, `"other":[`, "data.items is missing"},
		"an element":                 {`{"value":["a"]}`, `{"value":["a"]},null`, "data.items[1] is missing"},
		"a field of an element":      {`"value":["a"]`, `"value":null`, "data.items[0].value is missing"},
		"one of a pair":              {`"value":["a"]`, `"value":["a",null]`, "data.items[0].value[1] is missing"},
		"a map":                      {`"names":{}`, `"names":null`, "data.names is missing"},
		"what is decoded later":      {`"raw":0`, `"raw":null`, "data.raw is missing"},
		"a field in a plain struct":  {`"size":0`, `"sizes":0`, "inner.size is missing"},
		"a field of an optional one": {`"note":null`, `"note":{}`, "note.value is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r reply
			if err := json.Unmarshal([]byte(strings.Replace(whole, c.from, c.to, 1)), &r); err != nil {
				t.Fatal(err)
			}
			err := CheckComplete(&r)
			if c.lacks == "" && err != nil || c.lacks != "" && (err == nil || err.Error() != "the answer is incomplete: "+c.lacks) {
				t.Errorf("got %v, want %q", err, c.lacks)
			}
		})
	}
}
