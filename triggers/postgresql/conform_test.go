package postgresql

import (
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	s := start(t)
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: s.metadata(),
		Secrets:  map[string]string{"password": password},
		Break:    func(testing.TB) { s.crash() },
		Repair:   func(testing.TB) { s.restart() },
	})
}
