package prometheus

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), web)
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: map[string]string{
			"serverAddress": "http://" + p.address, "query": "vector(42.5)", "threshold": "10", "authModes": "basic",
		},
		Secrets: map[string]string{"username": "me", "password": "correct horse"},
		Break:   func(testing.TB) { p.process.Kill() },
		Repair:  func(testing.TB) { p.restart() },
	})
}
