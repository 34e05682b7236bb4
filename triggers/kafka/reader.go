package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
)

// query is what is read: the partitions of topics, or of all topics of a group, and the group's offsets there.
type query struct {
	group      string
	topics     []string // None stands for all topics of the group.
	limitation limitation
}

// newQuery returns what a trigger of a group reads. As in KEDA, a limitation of the partitions needs topics.
func newQuery(g Group, topics ...string) query {
	q := query{group: g.ConsumerGroup, topics: slices.Compact(slices.Sorted(slices.Values(topics)))}
	if len(topics) > 0 {
		q.limitation, _ = parseLimitation(g.PartitionLimitation) // Validate has checked it.
	}
	return q
}

// key distinguishes queries of one cluster.
func (q query) key() string {
	return fmt.Sprintf("%s\x00%s\x00%v", q.group, strings.Join(q.topics, ","), q.limitation)
}

// reader reads the partitions of one trigger.
type reader struct {
	settings   settings
	query      query
	secrets    triggers.Secrets
	connection *connection
}

// Read returns the current state of all partitions. An error stands for all of them: there is no partial result.
func (r *reader) Read(ctx context.Context) ([]partitionState, error) {
	a, err := r.settings.access(ctx, r.secrets)
	if err != nil {
		return nil, r.failure(access{}, err)
	}
	s, err := r.connection.enter(a)
	if err != nil {
		return nil, r.failure(a, err)
	}
	defer r.connection.leave(s)
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, errNoReading)
	defer cancel()
	all, err := s.read(ctx, r.query)
	if err != nil {
		return nil, r.failure(a, because(ctx, err))
	}
	return all, nil
}

// read asks for the committed offsets before the ends, so that a group is not ahead of its topics.
func (s *session) read(ctx context.Context, q query) ([]partitionState, error) {
	var partitions []topicPartition
	var committed map[topicPartition]int64
	var err error
	if len(q.topics) > 0 {
		if partitions, err = s.partitions(ctx, q.topics, q.limitation); err != nil {
			return nil, err
		}
		committed, err = s.committed(ctx, q.group, partitions)
	} else if committed, err = s.committed(ctx, q.group, nil); err == nil {
		partitions, err = s.partitionsOf(ctx, q.group, committed)
	}
	if err != nil {
		return nil, err
	}
	return s.positions(ctx, partitions, committed)
}

// partitionsOf returns all partitions of the topics in which a group has committed an offset.
func (s *session) partitionsOf(ctx context.Context, group string, committed map[topicPartition]int64) ([]topicPartition, error) {
	known := map[string]bool{}
	for at := range committed {
		known[at.topic] = true
	}
	topics := slices.Sorted(maps.Keys(known))
	if len(topics) == 0 {
		return nil, fmt.Errorf("group %s has committed no offset, so its topics are not known: set topic", group)
	}
	return s.partitions(ctx, topics, nil)
}

// positions reads the ends of partitions, and where needed their starts, and combines them with the offsets that a group has committed.
func (s *session) positions(ctx context.Context, partitions []topicPartition, committed map[topicPartition]int64) ([]partitionState, error) {
	ends, err := s.offsets(ctx, partitions, logEnd)
	if err != nil {
		return nil, err
	}
	all := make([]partitionState, len(partitions))
	var behind []topicPartition
	for i, at := range partitions {
		all[i] = partitionState{topicPartition: at, committed: notCommitted, end: ends[at]}
		if offset, ok := committed[at]; ok {
			all[i].committed = offset
		}
		if all[i].committed != all[i].end {
			behind = append(behind, at)
		}
	}
	if len(behind) == 0 {
		return all, nil
	}
	starts, err := s.offsets(ctx, behind, logStart)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].start = starts[all[i].topicPartition]
	}
	return all, nil
}
