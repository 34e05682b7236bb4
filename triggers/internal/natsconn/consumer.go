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

// Consumer is the state of a JetStream consumer, as far as it matters here. The counts are pointers, so that an
// absent count differs from 0; in the types of the client library it does not.
type Consumer struct {
	Name          string  `json:"name"`
	NumPending    *uint64 `json:"num_pending" required:"true"`
	NumAckPending *int64  `json:"num_ack_pending" required:"true"`
	// Paused: nothing is delivered until Config.PauseUntil.
	Paused  bool           `json:"paused"`
	Config  ConsumerConfig `json:"config"`
	Cluster *RaftGroup     `json:"cluster"`
}

// ConsumerConfig is the configuration of a consumer.
type ConsumerConfig struct {
	// InactiveThreshold is the time without a client after which the server deletes the consumer; 0 means never.
	InactiveThreshold time.Duration `json:"inactive_threshold"`
	PauseUntil        *time.Time    `json:"pause_until"`
	// Replicas is the number of servers that store the consumer; 0 means as many as the stream has.
	Replicas int `json:"num_replicas"`
}

// RaftGroup lists the leader of a consumer, and the replicas other than the server that answered.
type RaftGroup struct {
	Leader   string `json:"leader"`
	Replicas []struct {
		Name *string `json:"name" required:"true"`
	} `json:"replicas"`
}

// errForeign is returned for an answer that is not JetStream's.
var errForeign = errors.New("the answer is not the state of a JetStream consumer")

// ConsumerInfo returns the state of a pull or push consumer in a domain; "" is the domain of the server. It sends one request,
// CONSUMER.INFO. The error of the server is a *jetstream.APIError.
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

// decodeConsumer decodes the answer to CONSUMER.INFO.
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
