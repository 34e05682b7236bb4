package nats

import (
	"testing"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	s := start(t, "--user", "orders-reader", "--pass", "correct horse")
	secrets := map[string]string{"username": "orders-reader", "password": "correct horse"}
	js := s.client(userInfo(secrets))
	createWork(t, js, 1)
	publish(t, js, 3)
	js.Conn().Close() // Connecting again after a Break, it would be counted as a goroutine that the trigger leaves.
	for name, metadata := range map[string]map[string]string{
		"over a connection":              {"natsServerURL": s.url()},
		"over the monitoring's endpoint": {"natsServerMonitoringEndpoint": s.monitoring},
	} {
		metadata["stream"], metadata["consumer"], metadata["lagThreshold"] = "WORK", "workers", "5"
		t.Run(name, func(t *testing.T) {
			triggertest.Conform(t, Kind(), triggertest.Fixture{
				Metadata: metadata, Secrets: secrets,
				Break:  func(testing.TB) { s.Kill() },
				Repair: func(testing.TB) { s.restart() },
			})
		})
	}
}
