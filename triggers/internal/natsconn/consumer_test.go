package natsconn

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConsumer(t *testing.T) {
	t.Run("a consumer that lacks a count is unknown", testConsumerThatLacksCountIsUnknown)
	t.Run("an invalid consumer is an error", testInvalidConsumerIsError)
}

// counts is what is read of a consumer.
type counts struct {
	pending uint64
	unacked int64
}

func testConsumerThatLacksCountIsUnknown(t *testing.T) {
	answer, err := os.ReadFile("testdata/consumer-info.json")
	if err != nil {
		t.Fatal(err)
	}
	triggertest.Incomplete(t, answer, func(answer []byte) (counts, error) {
		c, err := decodeConsumer(answer)
		if err != nil {
			return counts{}, err
		}
		return counts{*c.NumPending, *c.NumAckPending}, nil
	})
}

func testInvalidConsumerIsError(t *testing.T) {
	for answer, want := range map[string]string{
		``:                                       "not the state of a JetStream consumer",
		`[]`:                                     "not the state of a JetStream consumer",
		`{}`:                                     "num_pending is missing",
		`null`:                                   "num_pending is missing",
		`{"num_pending":-1,"num_ack_pending":0}`: "not the state of a JetStream consumer",
		`{"num_pending":1}`:                      "num_ack_pending is missing",
		`{"num_pending":1,"num_ack_pending":0,"cluster":{"leader":"a","replicas":[{}]}}`:                   "cluster.replicas[0].name is missing",
		`{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`: "temporarily unavailable",
	} {
		if c, err := decodeConsumer([]byte(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want %q", answer, c, err, want)
		}
	}
	_, err := decodeConsumer([]byte(`{"error":{"code":404,"err_code":10014,"description":"consumer not found"}}`))
	if !errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("a consumer that does not exist gives the error %v", err)
	}
}
