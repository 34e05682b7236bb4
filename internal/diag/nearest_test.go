package diag

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Run("a word with one wrong letter is misspelt", testWordWithOneWrongLetterIsMisspelt)
	t.Run("a misspelt word has a nearest name, an unrelated word none", testMisspeltWordHasNearestNameUnrelatedWordNone)
	t.Run("an error is one line", testErrorIsOneLine)
}

func testMisspeltWordHasNearestNameUnrelatedWordNone(t *testing.T) {
	names := []string{"serverAddress", "query", "threshold", "activationThreshold", "end", "maxReplicaCount"}
	for word, want := range map[string]string{
		"serverAdress": "serverAddress", "serveraddress": "serverAddress", "treshold": "threshold", "thershold": "threshold",
		"activationTreshold": "activationThreshold", "querry": "query", "edn": "end", "maxReplicas": "maxReplicaCount", "server": "serverAddress",
		"maximum": "", "xyzzyPlugh": "", "": "", "x": "",
		strings.Repeat("threshold", 100): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func testErrorIsOneLine(t *testing.T) {
	for want, e := range map[string]Error{
		"f.yaml:3:5: spec.a: is required (write a)": {File: "f.yaml", Line: 3, Column: 5, Field: "spec.a", Problem: "is required", Suggestion: "write a"},
		"f.yaml: is not YAML":                       {File: "f.yaml", Problem: "is not YAML"},
		"f.yaml: warning: a: is 0":                  {File: "f.yaml", Field: "a", Problem: "is 0", Warning: true},
		"threshold: is required":                    {Field: "threshold", Problem: "is required"},
		`a: "x\u001b" is unknown`:                   {Field: "a", Problem: "\"x\x1b\" is unknown"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%#v: got %q, want %q", e, got, want)
		}
	}
}

func testWordWithOneWrongLetterIsMisspelt(t *testing.T) {
	names := []string{"scalerAddress", "enableTLS", "unsafeSsl"}
	for word, want := range map[string]string{
		"scalerAdress": "scalerAddress", "scalerAddresss": "scalerAddress", "scalreAddress": "scalerAddress", "unsafeSSL": "unsafeSsl", "enableTLZ": "enableTLS",
		"enabled": "", "enableAuth": "", "scalerId": "", "enable": "", "address": "", "": "",
	} {
		if got := Misspelt(word, names); got != want {
			t.Errorf("Misspelt(%q): got %q, want %q", word, got, want)
		}
	}
}
