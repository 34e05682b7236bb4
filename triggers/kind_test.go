package triggers

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestKind(t *testing.T) {
	t.Run("metadata overrides the defaults", testMetadataOverridesDefaults)
	t.Run("every mistake is reported once", testEveryMistakeIsReportedOnce)
	t.Run("an empty required field is a mistake", testEmptyRequiredFieldIsMistake)
	t.Run("the schema is that of the struct", testSchemaIsThatOfStruct)
	t.Run("the fields of an embedded struct stand in its place", testFieldsOfEmbeddedStructStandInItsPlace)
	t.Run("defaults are not shared with what is decoded", testDefaultsAreNotSharedWithWhatIsDecoded)
	t.Run("an unsupported config type panics at the start", testUnsupportedConfigTypePanicsAtStart)
	t.Run("Open accepts only its own config type", testOpenAcceptsOnlyItsOwnConfigType)
}

// config has a field of every type that Define supports.
type config struct {
	Address   string        `json:"address" required:"true" doc:"Where."`
	Secure    bool          `json:"secure" doc:"How."`
	Port      int           `json:"port" doc:"Which."`
	Small     int32         `json:"small" doc:"Few."`
	Large     int64         `json:"large" doc:"Many."`
	Threshold scalers.Milli `json:"threshold" required:"true" doc:"How much."`
	Timeout   time.Duration `json:"timeout" doc:"How long."`
	Topics    []string      `json:"topics" doc:"What."`
}

// Validate finds two mistakes that decoding cannot.
func (c config) Validate() error {
	var all []error
	if c.Threshold <= 0 {
		all = append(all, &FieldError{Field: "threshold", Problem: "must be above 0"})
	}
	if c.Port > 65535 {
		all = append(all, &FieldError{Field: "port", Problem: "is no port", Suggestion: "65535 is the last"})
	}
	return errors.Join(all...)
}

// Trigger divides by the threshold.
func (c config) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Threshold} }

func testKind() Kind {
	defaults := config{Port: 80, Timeout: 3 * time.Second, Topics: []string{"a", "b"}}
	return Define("thing", "Things.", defaults, func(config, Env) (Source, error) { return nil, errors.New("opened") })
}

func testMetadataOverridesDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		metadata map[string]string
		want     config
	}{
		"nothing but what is required": {
			map[string]string{"address": "x", "threshold": "0.5"},
			config{Address: "x", Threshold: 500, Port: 80, Timeout: 3 * time.Second, Topics: []string{"a", "b"}},
		},
		"everything": {
			map[string]string{
				"address": " as is ", "secure": "true", "port": " 8080 ", "small": "-2147483648", "large": "9223372036854775807",
				"threshold": "2k", "timeout": "1m30s", "topics": "one, two ,three",
			},
			config{" as is ", true, 8080, math.MinInt32, math.MaxInt64, 2_000_000, 90 * time.Second, []string{"one", "two", "three"}},
		},
		"a duration without a unit is in milliseconds, an empty list is empty": {
			map[string]string{"address": "x", "threshold": "1", "timeout": "250", "topics": ""},
			config{Address: "x", Threshold: 1000, Port: 80, Timeout: 250 * time.Millisecond},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := testKind().Decode(c.metadata)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, Config(c.want)) {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
		})
	}
}

func testEveryMistakeIsReportedOnce(t *testing.T) {
	c, err := testKind().Decode(map[string]string{
		"addresz": "x", "zzzzzz": "1", "secure": "perhaps", "port": "70000", "small": "2147483648", "large": "1.5", "threshold": "many",
		"timeout": "soon", "topics": "a,,b",
	})
	if c != nil {
		t.Errorf("a config with mistakes was returned: %+v", c)
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		`addresz: is not a parameter of this trigger (did you mean "address"?)`,
		`zzzzzz: is not a parameter of this trigger (known are address, secure, port, small, large, threshold, timeout, topics)`,
		`secure: "perhaps" is not a boolean (write true or false)`,
		`small: 2147483648 is above 2147483647, the largest number that is possible`,
		`large: "1.5" is not a whole number`,
		`threshold: "many" is not a number`,
		`timeout: "soon" is not a duration (write a number and its unit, such as 30s or 500ms)`,
		`topics: element 2 is empty (separate elements by one comma)`,
		`port: is no port (65535 is the last)`,
	}
	if len(got) == len(want) && strings.HasPrefix(got[5], want[5]) {
		got[5] = want[5] // The rest is the number parser's.
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(FieldErrors(err)); n != len(want) {
		t.Errorf("%d field errors, expected %d", n, len(want))
	}
}

func testEmptyRequiredFieldIsMistake(t *testing.T) {
	_, err := testKind().Decode(map[string]string{"address": " ", "threshold": ""})
	if err == nil || err.Error() != "address: is empty\nthreshold: is empty" {
		t.Errorf("got %v", err)
	}
}

func testSchemaIsThatOfStruct(t *testing.T) {
	want := []Field{
		{"address", "text", true, "", "Where."},
		{"secure", "boolean", false, "false", "How."},
		{"port", "integer", false, "80", "Which."},
		{"small", "integer", false, "0", "Few."},
		{"large", "integer", false, "0", "Many."},
		{"threshold", "number", true, "", "How much."},
		{"timeout", "duration", false, "3s", "How long."},
		{"topics", "list", false, "a,b", "What."},
	}
	if got := testKind().Fields; !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Place is embedded in the config of several kinds.
type Place struct {
	Place string `json:"place" required:"true" doc:"Where."`
	Port  int    `json:"port" doc:"Which."`
}

type placedConfig struct {
	Secure bool `json:"secure" doc:"How."`
	Place
	Topics []string `json:"topics" doc:"What."`
}

func (placedConfig) Validate() error          { return nil }
func (placedConfig) Trigger() scalers.Trigger { return scalers.Trigger{} }

func testFieldsOfEmbeddedStructStandInItsPlace(t *testing.T) {
	k := Define("placed", "Placed.", placedConfig{Place: Place{Port: 80}}, func(placedConfig, Env) (Source, error) { return nil, nil })
	want := []Field{
		{"secure", "boolean", false, "false", "How."},
		{"place", "text", true, "", "Where."},
		{"port", "integer", false, "80", "Which."},
		{"topics", "list", false, "", "What."},
	}
	if !slices.Equal(k.Fields, want) {
		t.Errorf("the fields are %+v, want %+v", k.Fields, want)
	}
	got, err := k.Decode(map[string]string{"place": "x", "secure": "true", "topics": "a"})
	if want := (placedConfig{true, Place{"x", 80}, []string{"a"}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Decode returned %+v, %v, want %+v", got, err, want)
	}
}

func testDefaultsAreNotSharedWithWhatIsDecoded(t *testing.T) {
	k := testKind()
	metadata := map[string]string{"address": "x", "threshold": "1", "port": "1"}
	if _, err := k.Decode(metadata); err != nil {
		t.Fatal(err)
	}
	delete(metadata, "port")
	c, err := k.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	if port := c.(config).Port; port != 80 {
		t.Errorf("the default became %d", port)
	}
}

// badConfig has a field that Define does not support.
type badConfig struct {
	config
	Odd complex128 `json:"odd" doc:"Odd."`
}

func testUnsupportedConfigTypePanicsAtStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Define accepts it")
		}
	}()
	Define("bad", "Bad.", badConfig{}, func(badConfig, Env) (Source, error) { return nil, nil }) // Never called.
}

func testOpenAcceptsOnlyItsOwnConfigType(t *testing.T) {
	if _, err := testKind().Open(badConfig{}, Env{}); err == nil || !strings.Contains(err.Error(), "badConfig") {
		t.Errorf("got %v", err)
	}
	if _, err := testKind().Open(config{}, Env{}); err == nil || err.Error() != "opened" {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, field := range testKind().Fields {
		f.Add(field.Key, "1", "x")
	}
	f.Add("addresz", "\x00", "99999999999999999999")
	f.Fuzz(func(t *testing.T, key, value, threshold string) {
		metadata := map[string]string{"address": "x", "threshold": threshold, key: value}
		c, err := testKind().Decode(metadata)
		if (c == nil) == (err == nil) {
			t.Errorf("config %v, error %v", c, err)
		}
		for _, mistake := range FieldErrors(err) {
			if mistake.Problem == "" || mistake.Field != key && mistake.Field != "threshold" {
				t.Errorf("%+v", *mistake)
			}
		}
	})
}
