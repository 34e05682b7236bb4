package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func TestReader(t *testing.T) {
	t.Run("the lag is the sum over all partitions", testLagIsSumOverAllPartitions)
	t.Run("a partition without a committed offset counts as offsetResetPolicy says", testPartitionWithoutCommittedOffset)
	t.Run("a group that does not exist has committed nothing", testGroupThatDoesNotExistHasCommittedNothing)
	t.Run("control records of transactions count", testControlRecordsOfTransactionsCount)
	t.Run("records of an open transaction count", testRecordsOfOpenTransactionCount)
	t.Run("records that compaction has removed count", testRecordsThatCompactionHasRemovedCount)
	t.Run("deleted records do not count", testDeletedRecordsDoNotCount)
	t.Run("a committed offset beyond the end is not valid", testCommittedOffsetBeyondEndIsNotValid)
	t.Run("a topic that is created again counts from its start", testTopicThatIsCreatedAgain)
	t.Run("only the partitions of partitionLimitation count", testOnlyPartitionsOfLimitationCount)
	t.Run("without topic, all topics of the group count", testAllTopicsOfGroupCount)
	t.Run("several topics count together", testSeveralTopicsCountTogether)
	t.Run("partitions added while running count", testPartitionsAddedWhileRunningCount)
	t.Run("leaders and coordinators may move", testLeadersAndCoordinatorsMayMove)
	t.Run("old brokers answer", testOldBrokersAnswer)
	t.Run("a reading is one request to each broker concerned", testReadingIsOneRequestToEachBroker)
}

func testLagIsSumOverAllPartitions(t *testing.T) {
	c := start(t)
	for id := range int32(3) {
		c.produce("orders", id, 10)
		c.commit("orders", id, 10-int64(id))
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.expect(t, 3)
	c.produce("orders", 0, 4)
	r.expect(t, 7)
	c.commit("orders", 0, 14)
	r.expect(t, 3)
}

func testPartitionWithoutCommittedOffset(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	c.produce("orders", 1, 10)
	c.truncate("orders", 1, 4)
	newReader(t, Kafka(), c.metadata(), nil).expect(t, 3)
	newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil).expect(t, 16)
	for _, policy := range []string{"latest", "earliest"} {
		newReader(t, Kafka(), c.metadata("offsetResetPolicy", policy, "scaleToZeroOnInvalidOffset", "true"), nil).expect(t, 0)
	}
	c.commit("orders", 0, 8)
	newReader(t, Kafka(), c.metadata(), nil).expect(t, 4)
	newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil).expect(t, 8)
	newReader(t, Kafka(), c.metadata("scaleToZeroOnInvalidOffset", "true"), nil).expect(t, 2)
}

func testGroupThatDoesNotExistHasCommittedNothing(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	newReader(t, Kafka(), c.metadata("consumerGroup", "nobody", "offsetResetPolicy", "earliest"), nil).expect(t, 10)
	newReader(t, Apache(), c.metadata("consumerGroup", "nobody"), nil).expect(t, 3)
}

func testControlRecordsOfTransactionsCount(t *testing.T) {
	c := start(t)
	writer := c.newClient(kgo.TransactionalID("writer"))
	for range 3 {
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(t.Context(), records("orders", 0, 2)...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := writer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	for id := range int32(3) {
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.expect(t, 9) // Six records, and one control record for each transaction.
	c.commit("orders", 0, 8)
	r.expect(t, 1) // The group has committed the last record, but not the control record after it.
}

func testRecordsOfOpenTransactionCount(t *testing.T) {
	c := start(t)
	for id := range int32(3) {
		c.commit("orders", id, 0)
	}
	writer := c.newClient(kgo.TransactionalID("writer"))
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := writer.ProduceSync(t.Context(), records("orders", 0, 2)...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	newReader(t, Kafka(), c.metadata(), nil).expect(t, 2)
}

func testRecordsThatCompactionHasRemovedCount(t *testing.T) {
	c := start(t)
	c.create("prices", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0")
	c.produce("prices", 0, 10) // They have one key.
	c.commit("prices", 0, 2)
	r := newReader(t, Kafka(), c.metadata("topic", "prices"), nil)
	r.expect(t, 8)
	c.Compact()
	r.expect(t, 8)
}

func testDeletedRecordsDoNotCount(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	for id := range int32(3) {
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.expect(t, 10)
	c.truncate("orders", 0, 7)
	r.expect(t, 3)
	c.truncate("orders", 0, 10)
	r.expect(t, 0)
}

func testCommittedOffsetBeyondEndIsNotValid(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	c.commit("orders", 0, 50)
	c.commit("orders", 1, 0)
	c.commit("orders", 2, 0)
	newReader(t, Kafka(), c.metadata(), nil).expect(t, 1)
	newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil).expect(t, 10)
	newReader(t, Kafka(), c.metadata("scaleToZeroOnInvalidOffset", "true"), nil).expect(t, 0)
}

func testTopicThatIsCreatedAgain(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	for id := range int32(3) {
		c.commit("orders", id, 0)
	}
	c.commit("orders", 0, 10)
	r := newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil)
	r.expect(t, 0)
	c.remove("orders")
	r.expectUnknown(t, "topic orders does not exist")
	c.create("orders", 3)
	c.client = c.newClient() // The old one remembers the old topic.
	c.produce("orders", 0, 4)
	r.eventually(t, 4)
}

func testOnlyPartitionsOfLimitationCount(t *testing.T) {
	c := start(t, kfake.SeedTopics(6, "refunds"))
	for id := range int32(6) {
		c.produce("refunds", id, 1<<id)
		c.commit("refunds", id, 0)
	}
	newReader(t, Kafka(), c.metadata("topic", "refunds", "partitionLimitation", "0,2-3,90"), nil).expect(t, 1+4+8)
	newReader(t, Apache(), c.metadata("topic", "refunds", "partitionLimitation", "5"), nil).expect(t, 32)
	newReader(t, Kafka(), c.metadata("topic", "refunds", "partitionLimitation", "6-9"), nil).
		expectUnknown(t, "topic refunds has none of the partitions in partitionLimitation")
	newReader(t, Kafka(), c.metadata("topic", "", "partitionLimitation", "0"), nil).expect(t, 63)
}

func testAllTopicsOfGroupCount(t *testing.T) {
	c := start(t, kfake.SeedTopics(2, "refunds", "others"))
	for _, kind := range []string{"kafka", "apache-kafka"} {
		newReader(t, kindOf(kind), c.metadata("topic", ""), nil).expectUnknown(t, "group billing has committed no offset")
	}
	c.produce("orders", 0, 5)
	c.produce("refunds", 0, 5)
	c.produce("others", 0, 5)
	c.commit("orders", 0, 1)
	for _, kind := range []string{"kafka", "apache-kafka"} {
		newReader(t, kindOf(kind), c.metadata("topic", ""), nil).expect(t, 4+1+1)
	}
	c.commit("refunds", 0, 2)
	for _, kind := range []string{"kafka", "apache-kafka"} {
		newReader(t, kindOf(kind), c.metadata("topic", ""), nil).expect(t, 6+3+1)
	}
}

func testSeveralTopicsCountTogether(t *testing.T) {
	c := start(t, kfake.SeedTopics(1, "refunds"))
	c.produce("orders", 0, 5)
	c.produce("refunds", 0, 7)
	r := newReader(t, Apache(), c.metadata("topic", "refunds, orders,refunds", "offsetResetPolicy", "earliest"), nil)
	r.expect(t, 12)
	c.remove("refunds")
	r.expectUnknown(t, "topic refunds does not exist")
}

func testPartitionsAddedWhileRunningCount(t *testing.T) {
	c := start(t)
	for id := range int32(3) {
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil)
	r.expect(t, 0)
	add := kmsg.NewPtrCreatePartitionsRequest()
	in := kmsg.NewCreatePartitionsRequestTopic()
	in.Topic, in.Count = "orders", 5
	add.Topics = append(add.Topics, in)
	c.check(request[*kmsg.CreatePartitionsResponse](c, add).Topics[0].ErrorCode)
	c.client = c.newClient()
	c.produce("orders", 4, 6)
	r.expect(t, 6)
	all, err := r.Read(t.Context())
	if got := r.group.measure(all, nil).partitions; err != nil || got != 5 {
		t.Errorf("got %d partitions, %v; want 5", got, err)
	}
}

func testLeadersAndCoordinatorsMayMove(t *testing.T) {
	c := start(t, kfake.NumBrokers(3))
	for id := range int32(3) {
		c.produce("orders", id, 5)
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	for range 10 {
		r.expect(t, 15)
		c.ShufflePartitionLeaders()
		c.RehashCoordinators()
	}
}

func testOldBrokersAnswer(t *testing.T) {
	for name, versions := range map[string]*kversion.Versions{
		"0.11": kversion.V0_11_0(), "1.0": kversion.V1_0_0(), "2.4": kversion.V2_4_0(), "3.0": kversion.V3_0_0(), "3.9": kversion.V3_9_0(),
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, kfake.NumBrokers(2), kfake.MaxVersions(versions))
			c.produce("orders", 0, 5)
			c.commit("orders", 0, 1)
			newReader(t, Kafka(), c.metadata("topic", ""), nil).expect(t, 4+1+1)
			newReader(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), nil).expect(t, 4)
			newReader(t, Kafka(), c.metadata("topic", "none"), nil).expectUnknown(t, "topic none does not exist")
		})
	}
}

func testReadingIsOneRequestToEachBroker(t *testing.T) {
	c := start(t, kfake.NumBrokers(2), kfake.SeedTopics(40, "orders"))
	for id := range int32(40) {
		if err := c.MoveTopicPartition("orders", id, id%2); err != nil {
			t.Fatal(err)
		}
	}
	c.client = c.newClient()
	for id := range int32(40) {
		c.commit("orders", id, 0)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.expect(t, 0)
	seen := c.Fault(kfake.Fault{Count: -1, Observe: true})
	count := func(key kmsg.Key) *kfake.FaultHandle {
		return c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: -1, Observe: true})
	}
	seen.Remove()
	metadata, committed, listed, found := count(kmsg.Metadata), count(kmsg.OffsetFetch), count(kmsg.ListOffsets), count(kmsg.FindCoordinator)
	r.expect(t, 0)
	if m, o, l, f := metadata.Hits(), committed.Hits(), listed.Hits(), found.Hits(); m != 1 || o != 1 || l != 2 || f != 0 {
		t.Errorf("without lag, a reading took %d requests for partitions, %d for committed offsets, %d for ends and %d for the coordinator; want 1, 1, 2 and 0", m, o, l, f)
	}
	c.produce("orders", 0, 1)
	before := listed.Hits()
	r.expect(t, 1)
	if got := listed.Hits() - before; got != 3 {
		t.Errorf("with lag in partitions of one broker, a reading took %d requests for ends and starts, want 3", got)
	}
}
