package triggers

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	t.Run("JSON that could be read in two ways is refused", testJSONThatCouldBeReadInTwoWaysIsRefused)
}

func testJSONThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "unexpected EOF"},
		"cut off":              {`{"a":[1,`, "unexpected EOF"},
		"a key twice":          {`{"a":1,"b":{"c":1,"c":2}}`, `an object has the key "c" twice`},
		"a key twice, escaped": {`{"a":1,"\u0061":2}`, `an object has the key "a" twice`},
		"no UTF-8":             {"{\"a\":\"\xff\"}", "not UTF-8"},
		"too deep":             {strings.Repeat("[", 65) + strings.Repeat("]", 65), "nested more than 64 levels deep"},
		"far too deep":         {strings.Repeat(`{"a":`, 1_000_000), "nested more than 64 levels deep"},
		"two values":           {`{} {}`, "after the JSON value"},
		"a stray bracket":      {`{}]`, "after the JSON value"},
		"no JSON":              {`alert!`, "invalid character"},
		"a number as key":      {`{1:2}`, "invalid character"},
		"NaN":                  {`NaN`, "invalid character"},
	} {
		if v, err := DecodeJSON([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %q", name, v, err, c.want)
		}
	}
	if _, err := DecodeJSON([]byte(strings.Repeat("[", 64) + strings.Repeat("]", 64))); err != nil {
		t.Errorf("64 deep: %v", err)
	}
}

// FuzzDecodeJSON: what is taken is what encoding/json makes of it.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x",null,true,{}]}`, `[]`, `1e400`, `"\ud800"`, `{"a":1,"a":2}`, " 1 "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := DecodeJSON(data)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v as encoding/json decodes it (%v)", data, got, want, err)
		}
	})
}
