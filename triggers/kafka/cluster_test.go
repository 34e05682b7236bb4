package kafka

import (
	"context"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// cluster is a cluster of franz-go's kfake, which speaks Kafka's protocol in this process, with a client of the test.
type cluster struct {
	*kfake.Cluster
	t       *testing.T
	client  *kgo.Client
	servers string
}

// start starts a cluster with the topic orders of three partitions, and one broker unless options say otherwise.
func start(t *testing.T, options ...kfake.Opt) *cluster {
	t.Helper()
	options = append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, "orders")}, options...)
	fake, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c := &cluster{Cluster: fake, t: t, servers: strings.Join(fake.ListenAddrs(), ",")}
	c.client = c.newClient()
	return c
}

// newClient returns a client of the cluster that writes to the partitions that records name.
func (c *cluster) newClient(options ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	options = append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(c.servers, ",")...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, options...)
	client, err := kgo.NewClient(options...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// records returns n records for a partition.
func records(topic string, id int32, n int) []*kgo.Record {
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = &kgo.Record{Topic: topic, Partition: id, Key: []byte("k"), Value: []byte(strconv.Itoa(i))}
	}
	return all
}

// produce writes n records to a partition.
func (c *cluster) produce(topic string, id int32, n int) {
	c.t.Helper()
	if err := c.client.ProduceSync(c.t.Context(), records(topic, id, n)...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// request sends a request with the test's client, and returns the answer.
func request[T kmsg.Response](c *cluster, r kmsg.Request) T {
	c.t.Helper()
	answer, err := c.client.Request(c.t.Context(), r)
	if err != nil {
		c.t.Fatal(err)
	}
	typed, ok := answer.(T)
	if !ok {
		c.t.Fatalf("got a %T, want a %T", answer, typed)
	}
	return typed
}

// check fails the test for an error code of Kafka.
func (c *cluster) check(code int16) {
	c.t.Helper()
	if err := kerr.ErrorForCode(code); err != nil {
		c.t.Fatal(err)
	}
}

// commit commits an offset of the group billing.
func (c *cluster) commit(topic string, id int32, offset int64) {
	c.t.Helper()
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation = "billing", -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset = id, offset
	in := kmsg.NewOffsetCommitRequestTopic()
	in.Topic, in.TopicID, in.Partitions = topic, c.idOf(topic), append(in.Partitions, p)
	r.Topics = append(r.Topics, in)
	answer := request[*kmsg.OffsetCommitResponse](c, r)
	c.check(answer.Topics[0].Partitions[0].ErrorCode)
}

// idOf returns the ID of a topic, which new brokers use instead of its name.
func (c *cluster) idOf(topic string) [16]byte {
	c.t.Helper()
	r := kmsg.NewPtrMetadataRequest()
	in := kmsg.NewMetadataRequestTopic()
	in.Topic = new(topic)
	r.Topics = append(r.Topics, in)
	return request[*kmsg.MetadataResponse](c, r).Topics[0].TopicID
}

// create creates a topic; configs are keys and values in turn.
func (c *cluster) create(topic string, partitions int32, configs ...string) {
	c.t.Helper()
	r := kmsg.NewPtrCreateTopicsRequest()
	in := kmsg.NewCreateTopicsRequestTopic()
	in.Topic, in.NumPartitions, in.ReplicationFactor = topic, partitions, 1
	for i := 0; i+1 < len(configs); i += 2 {
		in.Configs = append(in.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: new(configs[i+1])})
	}
	r.Topics = append(r.Topics, in)
	c.check(request[*kmsg.CreateTopicsResponse](c, r).Topics[0].ErrorCode)
}

// remove deletes a topic.
func (c *cluster) remove(topic string) {
	c.t.Helper()
	r := kmsg.NewPtrDeleteTopicsRequest()
	in := kmsg.NewDeleteTopicsRequestTopic()
	in.Topic = new(topic)
	r.Topics, r.TopicNames = append(r.Topics, in), append(r.TopicNames, topic)
	c.check(request[*kmsg.DeleteTopicsResponse](c, r).Topics[0].ErrorCode)
}

// truncate deletes the records of a partition before an offset, as retention does.
func (c *cluster) truncate(topic string, id int32, offset int64) {
	c.t.Helper()
	r := kmsg.NewPtrDeleteRecordsRequest()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = id, offset
	in := kmsg.NewDeleteRecordsRequestTopic()
	in.Topic, in.Partitions = topic, append(in.Partitions, p)
	r.Topics = append(r.Topics, in)
	c.check(request[*kmsg.DeleteRecordsResponse](c, r).Topics[0].Partitions[0].ErrorCode)
}

// metadata returns the metadata of a trigger; pairs are further keys and values.
func (c *cluster) metadata(pairs ...string) map[string]string {
	m := map[string]string{"bootstrapServers": c.servers, "consumerGroup": "billing", "topic": "orders"}
	for i := 0; i+1 < len(pairs); i += 2 {
		if m[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
			delete(m, pairs[i])
		}
	}
	return m
}

// measured is a reader with a connection of its own, and the group of its trigger.
type measured struct {
	*reader

	group Group
	dials func() int
}

// newReader returns the reader of a trigger.
func newReader(t *testing.T, kind triggers.Kind, metadata, secrets map[string]string) *measured {
	t.Helper()
	decoded, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := decoded.(config)
	if !ok {
		t.Fatalf("the config of %s is a %T", kind.Name, decoded)
	}
	counted := &dialer{}
	shared := newConnection(t.Context(), counted.dial, nil)
	t.Cleanup(func() { _ = shared.Close() })
	q, g := c.query()
	return &measured{group: g, dials: counted.count, reader: &reader{
		settings: c.settings(), query: q, connection: shared,
		secrets: triggertest.Secrets(secrets),
	}}
}

// lag reads once, and fails the test if the lag is unknown.
func (m *measured) lag(t *testing.T) int64 {
	t.Helper()
	all, err := m.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.group.measure(all, nil).waiting
}

// expect reads once, and fails the test unless the lag is as wanted.
func (m *measured) expect(t *testing.T, want int64) {
	t.Helper()
	if got := m.lag(t); got != want {
		t.Errorf("got a lag of %d, want %d", got, want)
	}
}

// expectUnknown reads once, and fails the test unless the lag is unknown with a reason that contains a text.
func (m *measured) expectUnknown(t *testing.T, want string) {
	t.Helper()
	all, err := m.Read(t.Context())
	if err == nil {
		t.Errorf("got %v, want an unknown lag because of %q", all, want)
	} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got the reason %q, want one with %q", err, want)
	}
}

// eventually reads until the lag is as wanted.
func (m *measured) eventually(t *testing.T, want int64) {
	t.Helper()
	testkit.Eventually(t, "a lag of "+strconv.FormatInt(want, 10), func(ctx context.Context) bool {
		all, err := m.Read(ctx)
		return err == nil && m.group.measure(all, nil).waiting == want
	})
}

// with returns a copy of secrets with another one.
func with(secrets map[string]string, parameter, value string) map[string]string {
	secrets = maps.Clone(secrets)
	secrets[parameter] = value
	return secrets
}

// dialer counts connections.
type dialer struct{ opened atomic.Int64 }

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.opened.Add(1)
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (d *dialer) count() int { return int(d.opened.Load()) }

func mustInt(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
