package prometheus

import (
	"strings"
	"testing"
)

func TestSyntax(t *testing.T) {
	t.Run("a query that no server can parse is a mistake", testQueryThatNoServerCanParseIsMistake)
}

func testQueryThatNoServerCanParseIsMistake(t *testing.T) {
	for query, want := range map[string]string{
		"sum(rate(http_requests_total[1m])":   "( at character 4 is not closed",
		"sum(rate(http_requests_total[1m])))": ") at character 35 has no opening bracket",
		"sum(rate(http_requests_total[1m)])":  ") at character 32 does not close the [ at character 29",
		`up{job="api}`:                        "the string that begins at character 8 does not end",
		`up{job="a\"}`:                        "the string that begins at character 8 does not end",
		"up{job=`a\\`":                        "{ at character 3 is not closed",
		"up{job='a'":                          "{ at character 3 is not closed",
		"up{job=\"\u00fc\"}]":                 "] at character 12 has no opening bracket",
		"sum(up # )":                          "( at character 4 is not closed",
		"sum(up # )\n)":                       "",
		`up{path=~"/a(b|c).*", q!~'\'}', r=` + "`)`" + `}`: "",
		`{"http.requests", path="["}`:                      "",
		"sum by (le) (rate(x[5m:1m] offset -1w))":          "",
		"vector(1) #": "",
	} {
		config := configured("http://prometheus:9090")
		config.Query = query
		err := config.Validate()
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v, and servers take it", query, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "query: "+want)):
			t.Errorf("%s: %v, expected %q", query, err, want)
		}
	}
}
