package postgresql

import (
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("servers are those in the metadata", testServersAreThoseInMetadata)
	t.Run("the example decodes", testExampleDecodes)
}

func testMistakeNamesItsField(t *testing.T) {
	for field, mistakes := range map[string]map[string]string{
		"targetQueryValue": {"0": "must be above 0", "-1": "must be above 0", "many": "not a number"},
		"host": {
			"/var/run/postgresql": "is a path", "postgres://h": "is not the name of a host", "u@h": "is not the name of a host",
			"h ": "is not the name of a host", "a,,b": "has an empty element",
		},
		"port":    {"x": `"x" is not a port`, "0": `"0" is not a port`, "65536": `"65536" is not a port`, "1,2,3": "has 3 ports for 1 hosts", "1,": `"" is not a port`},
		"sslmode": {"on": `"on" is not supported`, "Require": `"Require" is not supported`},
		"query":   {" ": "is empty"},
	} {
		for value, want := range mistakes {
			metadata := map[string]string{"query": "SELECT 1", "targetQueryValue": "1", "host": "h", field: value}
			_, err := Kind().Decode(metadata)
			all := triggers.FieldErrors(err)
			if len(all) != 1 || all[0].Field != field || !strings.Contains(all[0].Problem, want) {
				t.Errorf("%s %q: got %v, want a mistake with %q", field, value, err, want)
			}
		}
	}
}

func testServersAreThoseInMetadata(t *testing.T) {
	for _, c := range []struct {
		host, port string
		want       []string
	}{
		{"", "5432", nil},
		{"a", "", []string{"a:5432"}},
		{"::1", "1", []string{"[::1]:1"}},
		{"a,b", "1", []string{"a:1", "b:1"}},
		{"a,b", "1,2", []string{"a:1", "b:2"}},
	} {
		if got := (Config{Host: c.host, Port: c.port}).Servers(); !slices.Equal(got, c.want) {
			t.Errorf("host %s, port %s: got %q, want %q", c.host, c.port, got, c.want)
		}
	}
}

func testExampleDecodes(t *testing.T) {
	if _, err := Kind().Decode(Kind().Example); err != nil {
		t.Error(err)
	}
}
