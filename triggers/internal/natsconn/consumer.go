package natsconn

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/triggers"
)

// Consumer is what a server says of a JetStream consumer, as far as it matters here. Its fields know absence, as
// triggers.Complete wants it: the types of the client library make 0 of a count that is not there.
type Consumer struct {
	Name          string  `json:"name"`
	NumPending    *uint64 `json:"num_pending" required:"true"`
	NumAckPending *int64  `json:"num_ack_pending" required:"true"`
	// Paused: nothing is delivered until Config.PauseUntil.
	Paused  bool           `json:"paused"`
	Config  ConsumerConfig `json:"config"`
	Cluster *RaftGroup     `json:"cluster"`
}

// ConsumerConfig is how a consumer was made.
type ConsumerConfig struct {
	// InactiveThreshold is after how long without a client the server deletes the consumer; 0: never.
	InactiveThreshold time.Duration `json:"inactive_threshold"`
	PauseUntil        *time.Time    `json:"pause_until"`
	// Replicas is how many servers hold the consumer; 0: as many as hold the stream.
	Replicas int `json:"num_replicas"`
}

// RaftGroup lists the leader of a consumer and the replicas besides the server that was asked.
type RaftGroup struct {
	Leader   string `json:"leader"`
	Replicas []struct {
		Name *string `json:"name" required:"true"`
	} `json:"replicas"`
}

// errForeign is an answer that JetStream does not give.
var errForeign = errors.New("the answer is not what JetStream says of a consumer")

// ConsumerInfo asks for a consumer, pulled or pushed, in a domain or, when that is "", in the server's. It sends one request,
// CONSUMER.INFO, and returns the server's error as a *jetstream.APIError.
func ConsumerInfo(ctx context.Context, conn *natsgo.Conn, domain, stream, consumer string) (*Consumer, error) {
	prefix := jetstream.DefaultAPIPrefix
	if domain != "" {
		prefix = "$JS." + domain + ".API."
	}
	message, err := conn.RequestWithContext(ctx, prefix+"CONSUMER.INFO."+stream+"."+consumer, nil)
	if err != nil {
		return nil, err
	}
	return decodeConsumer(message.Data)
}

// decodeConsumer reads the answer to CONSUMER.INFO.
func decodeConsumer(answer []byte) (*Consumer, error) {
	var info struct {
		Consumer

		Error *jetstream.APIError `json:"error"`
	}
	if json.Unmarshal(answer, &info) != nil {
		return nil, errForeign
	}
	if info.Error != nil {
		return nil, info.Error
	}
	if err := triggers.CheckComplete(&info.Consumer); err != nil {
		return nil, err
	}
	return &info.Consumer, nil
}
