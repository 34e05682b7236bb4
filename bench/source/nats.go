package source

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// natsStream has a subject and a consumer for each level.
	natsStream = "JOBS"
	// natsLevels is the number of consumers. Impulse reads each five times a second over a connection, and the monitoring endpoint has
	// all of them in each answer.
	natsLevels = 100
	// natsInterval is the time between two readings over a connection.
	natsInterval = 200 * time.Millisecond
)

// consumerOf returns the name of the consumer with level i.
func consumerOf(i int) string { return "worker-" + strconv.Itoa(i) }

// startNATS gives the NATS server of the sandbox a consumer for each level.
func startNATS(ctx context.Context, h *Host) ([]Source, error) {
	at, monitoring := h.Sandbox.NATS, h.Sandbox.NATSMonitoring
	js, err := openNATS(at)
	if err != nil {
		return nil, err
	}
	h.onClose(js.Conn().Close)
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: natsStream, Subjects: []string{"jobs.*"}, Storage: jetstream.MemoryStorage})
	if err != nil {
		return nil, fmt.Errorf("create a stream: %w", err)
	}
	subject := func(i int) string { return "jobs." + strconv.Itoa(i) }
	for i := range natsLevels + 2 {
		c := jetstream.ConsumerConfig{Durable: consumerOf(i), FilterSubject: subject(i), AckPolicy: jetstream.AckExplicitPolicy}
		if _, err := stream.CreateConsumer(ctx, c); err != nil {
			return nil, fmt.Errorf("create a consumer: %w", err)
		}
	}
	var stored [natsLevels + 2]int // A level is never set by two goroutines at the same time.
	set := func(ctx context.Context, i, n int) error {
		if n < stored[i] {
			stored[i] = n
			return stream.Purge(ctx, jetstream.WithPurgeSubject(subject(i)), jetstream.WithPurgeKeep(uint64(n)))
		}
		for ; stored[i] < n; stored[i]++ {
			if _, err := js.Publish(ctx, subject(i), []byte("job")); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range natsLevels + 2 {
		if err := set(ctx, i, 1); err != nil {
			return nil, fmt.Errorf("fill the stream: %w", err)
		}
	}
	metadata := func(key, value string) func(i int) map[string]string {
		return func(i int) map[string]string {
			return map[string]string{key: value, "stream": natsStream, "consumer": consumerOf(i), "lagThreshold": "1"}
		}
	}
	own := func(i int) int { // Both ways may change a level at the same time, so the one that changes over HTTP is another one.
		if i == natsLevels {
			return i + 1
		}
		return i
	}
	overHTTP := metadata("natsServerMonitoringEndpoint", strings.TrimPrefix(monitoring, "http://"))
	return []Source{
		{
			Name: "nats-jetstream", Type: "nats-jetstream", Address: at, Triggers: natsLevels, Interval: natsInterval,
			Set: set, Metadata: metadata("natsServerURL", at),
		},
		{
			Name: "nats-jetstream/monitoring", Type: "nats-jetstream", Address: monitoring, Triggers: natsLevels, Shared: true,
			Set:      func(ctx context.Context, i, n int) error { return set(ctx, own(i), n) },
			Metadata: func(i int) map[string]string { return overHTTP(own(i)) },
		},
	}, nil
}

func openNATS(address string) (jetstream.JetStream, error) {
	conn, err := natsgo.Connect(address)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return jetstream.New(conn)
}

// bareNATS sends the one request that a reading needs.
func bareNATS(_ context.Context, address string) (Read, error) {
	js, err := openNATS(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (float64, error) {
		c, err := js.Consumer(ctx, natsStream, consumerOf(i))
		if err != nil {
			return 0, err
		}
		info := c.CachedInfo()
		return float64(info.NumPending) + float64(info.NumAckPending), nil
	}, nil
}

func bareMonitoring(_ context.Context, address string) (Read, error) {
	return func(ctx context.Context, i int) (float64, error) {
		var answer struct {
			Accounts []struct {
				Streams []struct {
					Consumers []struct {
						Name          string  `json:"name"`
						NumPending    float64 `json:"num_pending"`
						NumAckPending float64 `json:"num_ack_pending"`
					} `json:"consumer_detail"`
				} `json:"stream_detail"`
			} `json:"account_details"`
		}
		if err := getJSON(ctx, address+"/jsz?acc=$G&consumers=true&config=true", &answer); err != nil {
			return 0, err
		}
		for _, a := range answer.Accounts {
			for _, s := range a.Streams {
				for _, c := range s.Consumers {
					if c.Name == consumerOf(i) {
						return c.NumPending + c.NumAckPending, nil
					}
				}
			}
		}
		return 0, fmt.Errorf("there is no consumer %s", consumerOf(i))
	}, nil
}
