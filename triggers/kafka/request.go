package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Special timestamps of a ListOffsets request: they stand for the end and the start of the log.
const (
	logEnd   = -1
	logStart = -2
)

// partitions returns the partitions of topics that a limitation includes. It is one request, which creates no topics.
func (s *session) partitions(ctx context.Context, topics []string, l limitation) ([]topicPartition, error) {
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = new(name)
		request.Topics = append(request.Topics, topic)
	}
	answer, err := request.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("find the partitions: %w", err)
	}
	described := map[string]kmsg.MetadataResponseTopic{}
	for _, topic := range answer.Topics {
		if topic.Topic != nil {
			described[*topic.Topic] = topic
		}
	}
	var all []topicPartition
	for _, name := range topics {
		topic, ok := described[name]
		if !ok {
			return nil, fmt.Errorf("the broker does not describe topic %s", name)
		}
		in, err := partitionsIn(name, topic, l)
		if err != nil {
			return nil, err
		}
		all = append(all, in...)
	}
	return all, nil
}

// partitionsIn returns the partitions of one topic. Each has a leader, without which its end is unknown.
func partitionsIn(name string, topic kmsg.MetadataResponseTopic, l limitation) ([]topicPartition, error) {
	switch err := kerr.ErrorForCode(topic.ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %s does not exist", name)
	case err != nil:
		return nil, fmt.Errorf("topic %s: %w", name, err)
	}
	var all []topicPartition
	slices.SortFunc(topic.Partitions, func(a, b kmsg.MetadataResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	for _, p := range topic.Partitions {
		if !l.includes(p.Partition) {
			continue
		}
		if p.Leader < 0 {
			return nil, fmt.Errorf("partition %d of %s has no leader", p.Partition, name)
		}
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return nil, fmt.Errorf("partition %d of %s: %w", p.Partition, name, err)
		}
		all = append(all, topicPartition{name, p.Partition})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("topic %s has none of the partitions in partitionLimitation", name)
	}
	return all, nil
}

// committed returns the committed offsets of a group, in some partitions or, for nil, in all where it has one. It is one request to the
// group's coordinator. A partition without a committed offset is left out.
func (s *session) committed(ctx context.Context, group string, partitions []topicPartition) (map[topicPartition]int64, error) {
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = group
	for _, at := range partitions {
		last := len(asked.Topics) - 1
		if last < 0 || asked.Topics[last].Topic != at.topic {
			topic := kmsg.NewOffsetFetchRequestGroupTopic()
			topic.Topic = at.topic
			asked.Topics = append(asked.Topics, topic)
			last++
		}
		asked.Topics[last].Partitions = append(asked.Topics[last].Partitions, at.id)
	}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Groups = []kmsg.OffsetFetchRequestGroup{asked}
	answer, err := request.RequestWith(ctx, s.client)
	if err == nil && len(answer.Groups) != 1 {
		err = fmt.Errorf("the answer has %d groups", len(answer.Groups))
	}
	if err == nil {
		err = kerr.ErrorForCode(answer.Groups[0].ErrorCode)
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return map[topicPartition]int64{}, nil
	case err != nil:
		return nil, fmt.Errorf("read the offsets of group %s: %w", group, err)
	}
	return offsetsIn(answer.Groups[0], partitions)
}

// offsetsIn returns the committed offsets in an answer, which must have all partitions.
func offsetsIn(answer kmsg.OffsetFetchResponseGroup, partitions []topicPartition) (map[topicPartition]int64, error) {
	all, answered := map[topicPartition]int64{}, map[topicPartition]bool{}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			at := topicPartition{topic.Topic, p.Partition}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("read the offset of group %s in partition %d of %s: %w", answer.Group, at.id, at.topic, err)
			}
			if answered[at] = true; p.Offset >= 0 {
				all[at] = p.Offset
			}
		}
	}
	for _, at := range partitions {
		if !answered[at] {
			return nil, fmt.Errorf("the coordinator of group %s does not answer for partition %d of %s", answer.Group, at.id, at.topic)
		}
	}
	return all, nil
}

// offsets returns the ends or the starts of partitions: one request to each broker that leads some of them.
func (s *session) offsets(ctx context.Context, partitions []topicPartition, position int64) (map[topicPartition]int64, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	for _, at := range partitions {
		last := len(request.Topics) - 1
		if last < 0 || request.Topics[last].Topic != at.topic {
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = at.topic
			request.Topics = append(request.Topics, topic)
			last++
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = at.id, position
		request.Topics[last].Partitions = append(request.Topics[last].Partitions, p)
	}
	all := map[topicPartition]int64{}
	for _, part := range s.client.RequestSharded(ctx, request) {
		if part.Err != nil {
			return nil, fmt.Errorf("read the offsets of %s: %w", asked(part.Req), part.Err)
		}
		if answer, ok := part.Resp.(*kmsg.ListOffsetsResponse); ok {
			if err := positionsIn(answer, all); err != nil {
				return nil, err
			}
		}
	}
	for _, at := range partitions {
		if _, ok := all[at]; !ok {
			return nil, fmt.Errorf("the leader of partition %d of %s does not answer for it", at.id, at.topic)
		}
	}
	return all, nil
}

// asked names the first partition in a request.
func asked(request kmsg.Request) string {
	r, ok := request.(*kmsg.ListOffsetsRequest)
	if !ok || len(r.Topics) == 0 || len(r.Topics[0].Partitions) == 0 {
		return "the partitions"
	}
	return fmt.Sprintf("partition %d of %s", r.Topics[0].Partitions[0].Partition, r.Topics[0].Topic)
}

// positionsIn adds the offsets in an answer to all.
func positionsIn(answer *kmsg.ListOffsetsResponse, all map[topicPartition]int64) error {
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			if err == nil && p.Offset < 0 {
				err = errors.New("the answer has no offset")
			}
			if err != nil {
				return fmt.Errorf("read the offset of partition %d of %s: %w", p.Partition, topic.Topic, err)
			}
			all[topicPartition{topic.Topic, p.Partition}] = p.Offset
		}
	}
	return nil
}
