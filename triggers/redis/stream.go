package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/printable"
)

// errNoStream is the reason for a stream that does not exist. It is not empty: a stream without entries exists.
var errNoStream = errors.New("it does not exist")

func describeStream(name string) string { return "stream " + printable.Line(name, maxName) }

// lengthQuery counts all entries of a stream.
type lengthQuery struct{ stream string }

func (q lengthQuery) key() string { return "length\x00" + q.stream }

func (q lengthQuery) describe() string { return describeStream(q.stream) }

// read asks for the type only if there are no entries: that is also the answer for a missing stream.
func (q lengthQuery) read(ctx context.Context, do do) (level, error) {
	l, err := count(do(ctx, "XLEN", q.stream))
	if err != nil || l.value > 0 {
		return l, err
	}
	kind, err := do(ctx, "TYPE", q.stream)
	if err != nil {
		return level{}, err
	}
	if kind == "none" {
		return level{}, errNoStream
	}
	return l, nil
}

// pendingQuery counts the entries that are delivered to a consumer group and not acknowledged.
type pendingQuery struct{ stream, group string }

func (q pendingQuery) key() string { return "pending\x00" + q.stream + "\x00" + q.group }

func (q pendingQuery) describe() string { return describeGroup(q.stream, q.group) }

func describeGroup(stream, group string) string {
	return fmt.Sprintf("consumer group %s of %s", printable.Line(group, maxName), describeStream(stream))
}

// read counts with the summary of XPENDING. Its first element is the number.
func (q pendingQuery) read(ctx context.Context, do do) (level, error) {
	answer, err := do(ctx, "XPENDING", q.stream, q.group)
	var refused goredis.Error
	if errors.As(err, &refused) && goredis.HasErrorPrefix(refused, "NOGROUP") {
		return level{}, errors.New("the stream or the group does not exist")
	}
	if err != nil {
		return level{}, err
	}
	summary, ok := answer.([]any)
	if !ok || len(summary) == 0 {
		return level{}, errNoNumber
	}
	return count(summary[0], nil)
}

// lagQuery counts the entries that are not delivered to a consumer group yet.
type lagQuery struct{ stream, group string }

func (q lagQuery) key() string { return "lag\x00" + q.stream + "\x00" + q.group }

func (q lagQuery) describe() string { return describeGroup(q.stream, q.group) }

// read uses the number that the server maintains. A group that does not exist yet has received nothing, so all entries wait for it.
func (q lagQuery) read(ctx context.Context, do do) (level, error) {
	answer, err := do(ctx, "XINFO", "GROUPS", q.stream)
	if err != nil {
		if isAnswer(err) && strings.Contains(err.Error(), "no such key") {
			return level{}, errNoStream
		}
		return level{}, err
	}
	g, err := findGroup(answer, q.group)
	switch {
	case err != nil:
		return level{}, err
	case g == nil:
		return lengthQuery{q.stream}.read(ctx, do)
	case !g.hasLag:
		return level{}, errors.New("the server does not count the lag of groups: lagCount needs Redis 7 or later")
	case g.lag == nil:
		return q.readUnknown(ctx, do, g)
	}
	l, err := count(g.lag, nil)
	if err != nil || l.value == 0 {
		return l, err
	}
	return q.readAtMost(ctx, do, g, l)
}

// readUnknown returns the level if the server does not know the lag. It is 0 if no entry follows the last delivered one, and otherwise
// unknown, but at least 1. Without that, an idle workload would stay idle: the server knows the lag again only after a consumer has read.
func (q lagQuery) readUnknown(ctx context.Context, do do, g *group) (level, error) {
	reason := errors.New("the server does not know the lag: entries were deleted before they were delivered, or the group began inside the stream")
	waiting, err := q.waiting(ctx, do, g)
	switch {
	case err != nil:
		return level{}, fmt.Errorf("%w, and %w", reason, err)
	case waiting:
		return level{value: 1000, unknown: reason}, nil
	}
	return level{}, nil
}

// readAtMost corrects a lag. The server does not subtract entries that it trimmed from the stream before they were delivered, and goes on
// counting them after the group has received all others. So the lag is at most the length of the stream, and 0 if no entry follows.
func (q lagQuery) readAtMost(
	ctx context.Context, do do, g *group, lag level,
) (level, error) {
	if waiting, err := q.waiting(ctx, do, g); err == nil && !waiting {
		return level{}, nil
	}
	length, err := lengthQuery{q.stream}.read(ctx, do)
	if err != nil {
		return level{}, err
	}
	return level{value: min(lag.value, length.value)}, nil
}

// waiting reports whether an entry follows the last delivered one.
func (q lagQuery) waiting(ctx context.Context, do do, g *group) (bool, error) {
	answer, err := do(ctx, "XRANGE", q.stream, "("+g.delivered, "+", "COUNT", 1)
	if err != nil {
		return false, err
	}
	entries, ok := answer.([]any)
	if !ok {
		return false, errors.New("the answer is not a list of entries")
	}
	return len(entries) > 0, nil
}

// group is one group in an answer to XINFO GROUPS. lag is nil if the server does not know it. hasLag is false if the server is older than
// Redis 7. delivered is the ID of the last delivered entry.
type group struct {
	delivered string
	lag       any
	hasLag    bool
}

// findGroup returns a group of an answer to XINFO GROUPS; nil if it is not there.
func findGroup(answer any, name string) (*group, error) {
	groups, ok := answer.([]any)
	if !ok {
		return nil, errNoGroups
	}
	for _, each := range groups {
		pairs, ok := each.([]any)
		if !ok || len(pairs)%2 != 0 {
			return nil, errNoGroups
		}
		fields := map[any]any{}
		for i := 0; i < len(pairs); i += 2 {
			key, ok := pairs[i].(string)
			if !ok {
				return nil, errNoGroups
			}
			fields[key] = pairs[i+1]
		}
		found, ok := fields["name"].(string)
		if !ok {
			return nil, errNoGroups
		}
		if found != name {
			continue
		}
		g := &group{}
		g.delivered, _ = fields["last-delivered-id"].(string)
		g.lag, g.hasLag = fields["lag"]
		return g, nil
	}
	return nil, nil
}

var errNoGroups = errors.New("the answer is not a list of consumer groups")
