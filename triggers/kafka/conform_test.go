package kafka

import (
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("both kinds conform to the contract of triggers", testBothKindsConformToContractOfTriggers)
}

func testBothKindsConformToContractOfTriggers(t *testing.T) {
	for _, kind := range []triggers.Kind{Kafka(), Apache()} {
		t.Run(kind.Name, func(t *testing.T) {
			address := testkit.FreeAddress(t)
			_, port, _ := net.SplitHostPort(address)
			run := func(tb testing.TB) *kfake.Cluster {
				tb.Helper()
				c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(mustInt(t, port)), kfake.SeedTopics(3, "orders"),
					kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "reader", "correct horse"))
				if err != nil {
					tb.Fatal(err)
				}
				return c
			}
			current := run(t)
			t.Cleanup(func() { current.Close() })
			fill(t, address)
			triggertest.Conform(t, kind, triggertest.Fixture{
				Metadata: map[string]string{
					"bootstrapServers": address, "consumerGroup": "billing", "topic": "orders", "sasl": "scram_sha512", "lagThreshold": "10",
				},
				Secrets: map[string]string{"username": "reader", "password": "correct horse"},
				Break:   func(testing.TB) { current.Close() },
				Repair:  func(tb testing.TB) { current = run(tb) },
			})
		})
	}
}

// fill writes a few records, and ends its client.
func fill(t *testing.T, address string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.SASL(scram.Auth{User: "reader", Pass: "correct horse"}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records("orders", 0, 5)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
