package rabbitmq

import (
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	s := start(t)
	fill(t, s)
	t.Run("over AMQP it conforms to the contract of triggers", s.testItConformsOverAMQP)
	t.Run("over http it conforms to the contract of triggers", s.testItConformsOverHTTP)
}

func (s *testServer) testItConformsOverAMQP(t *testing.T) { s.conform(t, s.metadata()) }

func (s *testServer) testItConformsOverHTTP(t *testing.T) {
	metadata := s.overHTTP("mode", "MessageRate", "value", "1")
	s.awaitLevel(t, metadata, "0")
	s.conform(t, metadata)
}

// conform runs the suite. The queue is durable, so it exists after a Repair.
func (s *testServer) conform(t *testing.T, metadata map[string]string) {
	t.Helper()
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: metadata, Secrets: admins(), Break: func(testing.TB) { s.Kill() }, Repair: func(testing.TB) { s.restart() },
	})
}
