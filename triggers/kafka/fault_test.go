package kafka

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/impulse-sh/impulse/triggers"
)

func TestFault(t *testing.T) {
	t.Run("a topic that does not exist is unknown, and is not created", testTopicThatDoesNotExistIsUnknown)
	t.Run("one broker that is down makes the whole lag unknown", testOneBrokerThatIsDownMakesWholeLagUnknown)
	t.Run("one partition without a leader makes the whole lag unknown", testOnePartitionWithoutLeader)
	t.Run("one partition that fails makes the whole lag unknown", testOnePartitionThatFails)
	t.Run("a partition that is not answered for is unknown", testPartitionThatIsNotAnsweredForIsUnknown)
	t.Run("an answer without an offset is unknown", testAnswerWithoutOffsetIsUnknown)
	t.Run("a broker that does not answer is unknown in time", testBrokerThatDoesNotAnswerIsUnknownInTime)
	t.Run("a server that is no Kafka is unknown", testServerThatIsNoKafkaIsUnknown)
	t.Run("all bootstrap servers are tried", testAllBootstrapServersAreTried)
	t.Run("an address that is not allowed is not dialed, even if a broker names it", testAddressThatIsNotAllowedIsNotDialed)
}

func testTopicThatDoesNotExistIsUnknown(t *testing.T) {
	c := start(t, kfake.AllowAutoTopicCreation())
	for _, kind := range []triggers.Kind{Kafka(), Apache()} {
		newReader(t, kind, c.metadata("topic", "odrers"), nil).expectUnknown(t, "topic odrers does not exist")
	}
	all := request[*kmsg.MetadataResponse](c, &kmsg.MetadataRequest{})
	for _, topic := range all.Topics {
		if *topic.Topic == "odrers" {
			t.Error("the topic was created")
		}
	}
}

func testOneBrokerThatIsDownMakesWholeLagUnknown(t *testing.T) {
	c := start(t, kfake.NumBrokers(2))
	for id := range int32(3) {
		if err := c.MoveTopicPartition("orders", id, id%2); err != nil {
			t.Fatal(err)
		}
		c.commit("orders", id, 0)
	}
	addresses := strings.Split(c.servers, ",")
	first, second := addresses[0], addresses[1]
	down := ""
	r := newReader(t, Kafka(), c.metadata(), nil)
	open := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == down {
			address = "127.0.0.1:1" // Nothing listens there.
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	read := func() ([]partitionState, error) {
		shared := newConnection(t.Context(), open, nil)
		defer func() { _ = shared.Close() }()
		r.connection = shared
		return r.Read(t.Context())
	}
	if all, err := read(); err != nil || len(all) != 3 {
		t.Fatalf("got %v, %v, want three partitions", all, err)
	}
	for _, down = range []string{first, second} {
		if all, err := read(); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s is down: got %v, %v; want an unknown lag", down, all, err)
		}
	}
}

func testOnePartitionWithoutLeader(t *testing.T) {
	c := start(t)
	r := newReader(t, Kafka(), c.metadata(), nil)
	c.leaderless(t, 1)
	r.expectUnknown(t, "partition 1 of orders has no leader")
	newReader(t, Kafka(), c.metadata("partitionLimitation", "0,2"), nil).expect(t, 2)
}

// leaderless lets metadata say that a partition of orders has no leader.
func (c *cluster) leaderless(t *testing.T, id int32) {
	t.Helper()
	c.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked, _ := r.(*kmsg.MetadataRequest)
		if asked == nil || len(asked.Topics) == 0 {
			return nil, nil, false
		}
		answer, _ := r.ResponseKind().(*kmsg.MetadataResponse)
		host, port, _ := net.SplitHostPort(c.servers)
		broker := kmsg.NewMetadataResponseBroker()
		broker.Host, broker.Port = host, int32(mustInt(t, port))
		answer.Brokers = append(answer.Brokers, broker)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.TopicID = new("orders"), [16]byte{1}
		for n := range int32(3) {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition = n
			if n == id {
				p.Leader, p.ErrorCode = -1, kerr.LeaderNotAvailable.Code
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
}

func testOnePartitionThatFails(t *testing.T) {
	c := start(t)
	for id := range int32(3) {
		c.produce("orders", id, 5)
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.expect(t, 15)
	for key, want := range map[kmsg.Key]string{
		kmsg.Metadata: "partition 1 of orders", kmsg.OffsetFetch: "the offset of group billing in partition 1 of orders", kmsg.ListOffsets: "partition 1 of orders",
	} {
		fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: "orders", Partitions: []int32{1}, Err: kerr.KafkaStorageError, Count: -1})
		r.expectUnknown(t, want)
		fault.Remove()
		r.expect(t, 15)
	}
}

func testPartitionThatIsNotAnsweredForIsUnknown(t *testing.T) {
	for key, want := range map[kmsg.Key]string{
		kmsg.OffsetFetch: "the coordinator of group billing does not answer for partition 2 of orders",
		kmsg.ListOffsets: "the leader of partition 2 of orders does not answer for it",
		kmsg.Metadata:    "the broker does not describe topic orders",
	} {
		c := start(t)
		c.commit("orders", 0, 0)
		c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			switch r := r.(type) {
			case *kmsg.OffsetFetchRequest:
				r.Groups[0].Topics[0].Partitions = r.Groups[0].Topics[0].Partitions[:2]
			case *kmsg.ListOffsetsRequest:
				r.Topics[0].Partitions = r.Topics[0].Partitions[:2]
			case *kmsg.MetadataRequest:
				r.Topics = []kmsg.MetadataRequestTopic{}
			}
			return nil, nil, false
		})
		newReader(t, Kafka(), c.metadata(), nil).expectUnknown(t, want)
	}
}

func testAnswerWithoutOffsetIsUnknown(t *testing.T) {
	c := start(t)
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked, ok := r.(*kmsg.ListOffsetsRequest); ok {
			for i := range asked.Topics[0].Partitions {
				asked.Topics[0].Partitions[i].Timestamp = -5 // There are no records in tiered storage.
			}
		}
		return nil, nil, false
	})
	newReader(t, Kafka(), c.metadata(), nil).expectUnknown(t, "the answer has no offset")
}

func testBrokerThatDoesNotAnswerIsUnknownInTime(t *testing.T) {
	c := start(t)
	c.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, true
	})
	r := newReader(t, Kafka(), c.metadata(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if all, err := r.Read(ctx); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
		t.Errorf("got %v, %v; want the end of the context", all, err)
	}
	r.expectUnknown(t, "no answer within 10s")
}

func testServerThatIsNoKafkaIsUnknown(t *testing.T) {
	for name, answer := range map[string]string{
		"a web server":             "HTTP/1.1 400 Bad Request\r\n\r\n",
		"half an answer":           "\x00\x00\x00\x40\x00\x00",
		"an answer of 2 GiB":       "\x7f\xff\xff\xff\x00\x00\x00\x00",
		"a negative size":          "\xff\xff\xff\xff\x00\x00\x00\x00",
		"no answer but an end":     "",
		"an answer to nothing":     "\x00\x00\x00\x04\x00\x00\x00\x77",
		"an empty list of keys":    "\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"a list of 2 billion keys": "\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 512))
					_, _ = io.WriteString(conn, answer)
					_ = conn.Close()
				}
			}()
			c := &cluster{servers: listener.Addr().String()}
			newReader(t, Kafka(), c.metadata(), nil).expectUnknown(t, "read the lag of group billing: ")
		})
	}
}

func testAllBootstrapServersAreTried(t *testing.T) {
	c := start(t)
	newReader(t, Kafka(), c.metadata("bootstrapServers", "127.0.0.1:1, 127.0.0.1:2,"+c.servers), nil).expect(t, 3)
	newReader(t, Kafka(), c.metadata("bootstrapServers", "127.0.0.1:1,127.0.0.1:2"), nil).expectUnknown(t, "connection refused")
}

func testAddressThatIsNotAllowedIsNotDialed(t *testing.T) {
	c := start(t, kfake.NumBrokers(2))
	addresses := strings.Split(c.servers, ",")
	for id := range int32(3) {
		if err := c.MoveTopicPartition("orders", id, 1); err != nil {
			t.Fatal(err)
		}
	}
	r := newReader(t, Kafka(), c.metadata("bootstrapServers", addresses[0]), nil)
	shared := newConnection(t.Context(), func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == addresses[1] {
			return nil, triggers.ErrNotAllowed
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}, nil)
	defer func() { _ = shared.Close() }()
	r.connection = shared
	r.expectUnknown(t, triggers.ErrNotAllowed.Error())
}
