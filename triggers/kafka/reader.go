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
func (r *reader) Read(ctx context.Context) ([]partition, error) {
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
func (s *session) read(ctx context.Context, q query) ([]partition, error) {
	var places []place
	var committed map[place]int64
	var err error
	if len(q.topics) > 0 {
		if places, err = s.places(ctx, q.topics, q.limitation); err != nil {
			return nil, err
		}
		committed, err = s.committed(ctx, q.group, places)
	} else if committed, err = s.committed(ctx, q.group, nil); err == nil {
		places, err = s.placesOf(ctx, q.group, committed)
	}
	if err != nil {
		return nil, err
	}
	return s.positions(ctx, places, committed)
}

// placesOf returns all partitions of the topics in which a group has committed an offset.
func (s *session) placesOf(ctx context.Context, group string, committed map[place]int64) ([]place, error) {
	known := map[string]bool{}
	for at := range committed {
		known[at.topic] = true
	}
	topics := slices.Sorted(maps.Keys(known))
	if len(topics) == 0 {
		return nil, fmt.Errorf("group %s has committed no offset, so its topics are not known: set topic", group)
	}
	return s.places(ctx, topics, nil)
}

// positions returns the state of partitions, of which a group has committed offsets.
func (s *session) positions(ctx context.Context, places []place, committed map[place]int64) ([]partition, error) {
	ends, err := s.offsets(ctx, places, logEnd)
	if err != nil {
		return nil, err
	}
	all := make([]partition, len(places))
	var behind []place
	for i, at := range places {
		all[i] = partition{place: at, committed: notCommitted, end: ends[at]}
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
		all[i].start = starts[all[i].place]
	}
	return all, nil
}
