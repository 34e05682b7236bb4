package rabbitmq

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

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

// conform runs the suite.
func (s *testServer) conform(t *testing.T, metadata map[string]string) {
	t.Helper()
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: metadata, Secrets: admins(), Break: func(testing.TB) { s.Kill() }, Repair: func(testing.TB) { s.repair(t) },
	})
}

// repair restarts the server, and makes the queue if it is missing: RabbitMQ may lose a durable queue that was new when it was killed.
func (s *testServer) repair(t *testing.T) {
	t.Helper()
	s.restart()
	channel, done := s.connect(t, "/")
	defer done()
	if _, err := channel.QueueDeclare("orders", true, false, false, false, amqp.Table{"x-queue-type": "classic"}); err != nil {
		t.Fatal(err)
	}
}
