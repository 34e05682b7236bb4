package source

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// kafkaGroup is the consumer group.
	kafkaGroup = "workers"
	// kafkaEnd is the number of records of each topic.
	kafkaEnd = 10
)

// topicOf returns the name of the topic with level i.
func topicOf(i int) string { return "jobs-" + strconv.Itoa(i) }

// startKafka starts a broker of the client library's tests in this process, with a topic of one partition for each level.
func startKafka(ctx context.Context, h *Host) ([]Source, error) {
	names := make([]string, h.Levels)
	records := make([]*kgo.Record, 0, h.Levels*kafkaEnd)
	for i := range names {
		names[i] = topicOf(i)
		for range kafkaEnd {
			records = append(records, &kgo.Record{Topic: names[i], Value: []byte("job")})
		}
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, names...))
	if err != nil {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	h.onClose(broker.Close)
	address := strings.Join(broker.ListenAddrs(), ",")
	client, err := openKafka(address)
	if err != nil {
		return nil, err
	}
	h.onClose(client.Close)
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("fill the topics: %w", err)
	}
	ids, err := topicIDs(ctx, client, names)
	if err != nil {
		return nil, err
	}
	set := func(ctx context.Context, i, n int) error {
		return commit(ctx, client, topicOf(i), ids[topicOf(i)], int64(kafkaEnd-n))
	}
	if err := h.each(ctx, func(ctx context.Context, i int) error { return set(ctx, i, 1) }); err != nil {
		return nil, fmt.Errorf("commit offsets: %w", err)
	}
	metadata := func(i int) map[string]string {
		return map[string]string{
			"bootstrapServers": address, "consumerGroup": kafkaGroup, "topic": topicOf(i), "lagThreshold": "1", "allowIdleConsumers": "true",
		}
	}
	return []Source{
		{Name: "kafka", Type: "kafka", Address: address, Set: set, Metadata: metadata},
		{Name: "apache-kafka", Type: "apache-kafka", Address: address, Set: set, Metadata: metadata},
	}, nil
}

func openKafka(address string) (*kgo.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(address, ",")...), kgo.DisableClientMetrics())
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	return client, nil
}

// topicIDs returns the IDs of topics, which new brokers use instead of names.
func topicIDs(ctx context.Context, client *kgo.Client, names []string) (map[string][16]byte, error) {
	answer, err := metadataOf(names...).RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("find the topics: %w", err)
	}
	ids := map[string][16]byte{}
	for _, t := range answer.Topics {
		if t.Topic != nil {
			ids[*t.Topic] = t.TopicID
		}
	}
	return ids, nil
}

// metadataOf asks for the partitions of topics.
func metadataOf(names ...string) *kmsg.MetadataRequest {
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = new(name)
		request.Topics = append(request.Topics, topic)
	}
	return request
}

// commit commits an offset of the group.
func commit(ctx context.Context, client *kgo.Client, name string, id [16]byte, offset int64) error {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation = kafkaGroup, -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	in := kmsg.NewOffsetCommitRequestTopic()
	in.Topic, in.TopicID, in.Partitions = name, id, append(in.Partitions, p)
	request.Topics = append(request.Topics, in)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if err := only(len(answer.Topics), nil); err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
}

// bareKafka sends the three requests without which no lag is known: for the partitions, the committed offsets and the ends.
func bareKafka(_ context.Context, address string) (Read, error) {
	client, err := openKafka(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (float64, error) {
		described, err := metadataOf(topicOf(i)).RequestWith(ctx, client)
		if err != nil {
			return 0, fmt.Errorf("find the partitions of %s: %w", topicOf(i), err)
		}
		if err := only(len(described.Topics), nil); err != nil {
			return 0, err
		}
		committed, err := committedIn(ctx, client, topicOf(i))
		if err != nil {
			return 0, err
		}
		end, err := endOf(ctx, client, topicOf(i))
		return float64(end - committed), err
	}, nil
}

// committedIn returns the offset that the group has committed in the partition of a topic.
func committedIn(ctx context.Context, client *kgo.Client, name string) (int64, error) {
	topic := kmsg.NewOffsetFetchRequestGroupTopic()
	topic.Topic, topic.Partitions = name, []int32{0}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group, group.Topics = kafkaGroup, append(group.Topics, topic)
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Groups = append(request.Groups, group)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	for _, g := range answer.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				return p.Offset, kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return 0, fmt.Errorf("there is no offset in %s", name)
}

// endOf returns the end of the partition of a topic.
func endOf(ctx context.Context, client *kgo.Client, name string) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic, topic.Partitions = name, append(topic.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.Topics = append(request.Topics, topic)
	for _, part := range client.RequestSharded(ctx, request) {
		if part.Err != nil {
			return 0, part.Err
		}
		if answer, ok := part.Resp.(*kmsg.ListOffsetsResponse); ok && len(answer.Topics) == 1 && len(answer.Topics[0].Partitions) == 1 {
			p := answer.Topics[0].Partitions[0]
			return p.Offset, kerr.ErrorForCode(p.ErrorCode)
		}
	}
	return 0, fmt.Errorf("there is no end of %s", name)
}
