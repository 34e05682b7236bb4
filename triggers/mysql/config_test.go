package mysql

import (
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("the server is that in the metadata", testServerIsThatInMetadata)
	t.Run("the example decodes", testExampleDecodes)
}

func testMistakeNamesItsField(t *testing.T) {
	for field, mistakes := range map[string]map[string]string{
		"queryValue": {"0": "must be above 0", "-1": "must be above 0", "many": "not a number"},
		"host":       {"/tmp/mysql.sock": "is a path", "tcp(h)": "is not the name of a host", "u@h": "is not the name of a host", "a,b": "is not the name of a host"},
		"port":       {"x": `"x" is not a port`, "0": `"0" is not a port`, "65536": `"65536" is not a port`},
		"tls":        {"on": `"on" is not supported`, "": `"" is not supported`},
		"query":      {" ": "is empty", "DELETE FROM jobs": "begins with DELETE", "'SELECT'": "does not begin with a word"},
	} {
		for value, want := range mistakes {
			metadata := map[string]string{"query": "SELECT 1", "queryValue": "1", "host": "h", field: value}
			_, err := Kind().Decode(metadata)
			all := triggers.FieldErrors(err)
			if len(all) != 1 || all[0].Field != field || !strings.Contains(all[0].Problem, want) {
				t.Errorf("%s %q: got %v, want a mistake with %q", field, value, err, want)
			}
		}
	}
}

func testServerIsThatInMetadata(t *testing.T) {
	for _, c := range []struct {
		host, port string
		want       []string
	}{
		{"", "3306", nil}, {"a", "", []string{"a:3306"}}, {"::1", "1", []string{"[::1]:1"}},
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
