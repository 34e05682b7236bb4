package prometheus

import (
	"net/http"
	"os"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestRecorded(t *testing.T) {
	t.Run("an incomplete response is unknown", testIncompleteResponseIsUnknown)
}

// readerOf returns a function that returns the reading of a server with this answer.
func readerOf(t *testing.T, zero bool) func(answer []byte) (scalers.Milli, error) {
	t.Helper()
	return func(answer []byte) (scalers.Milli, error) {
		env := environment(nil)
		env.HTTP = &http.Client{Transport: triggertest.Canned(func(*http.Request) (int, []byte) { return http.StatusOK, answer })}
		c := configured("http://prometheus:9090")
		c.IgnoreNullValues, c.NegativeIsZero = zero, zero
		return mustReader(t, c, env).Read(t.Context())
	}
}

func testIncompleteResponseIsUnknown(t *testing.T) {
	for _, name := range []string{"prometheus-vector", "prometheus-scalar", "prometheus-infos", "victoriametrics-cluster", "thanos"} {
		answer, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for zeros, zero := range map[string]bool{"": false, ", though an empty answer would be 0": true} {
			t.Run(name+zeros, func(t *testing.T) { triggertest.Incomplete(t, answer, readerOf(t, zero)) })
		}
	}
}
