package nats

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// The reasons of notices about a consumer.
const (
	reasonPaused  = "ConsumerPaused"
	reasonExpires = "ConsumerExpires"
)

// maybeExpired explains why a consumer may have disappeared.
const maybeExpired = "if it had inactive_threshold, the server deleted it because no worker used it; create it again without"

// backlog is one reading of a consumer.
type backlog struct {
	// level is the number of messages that are not delivered yet or not acknowledged. For a paused consumer it is only the number of
	// the latter, because workers may be processing them.
	level  scalers.Milli
	paused bool
	notice scalers.Notice
}

// backlogOf returns the reading for a consumer. The caller has checked that the counts are present.
func backlogOf(c *natsconn.Consumer) (backlog, error) {
	level, err := lag(*c.NumPending, *c.NumAckPending)
	if err != nil {
		return backlog{}, err
	}
	b := backlog{level: level, paused: c.Paused}
	switch after := c.Config.InactiveThreshold; {
	case c.Paused:
		b.notice = scalers.Notice{Reason: reasonPaused, Text: fmt.Sprintf(
			"consumer %s is paused%s: %d messages wait, are not delivered and start no replicas", c.Name, until(c.Config.PauseUntil), *c.NumPending)}
		b.level, err = lag(0, *c.NumAckPending)
	case after > 0:
		b.notice = scalers.Notice{Reason: reasonExpires, IdleOnly: true, Text: fmt.Sprintf(
			"consumer %s has inactive_threshold %s: after that time without a worker the server deletes it, even while messages wait; remove inactive_threshold, or set minReplicaCount to 1",
			c.Name, after)}
	}
	return b, err
}

// until returns the end of a pause as text.
func until(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " until " + t.UTC().Format(time.RFC3339)
}

// event returns the event for a reading.
func (b backlog) event() scalers.Event {
	return scalers.Event{Value: b.level, Suspended: b.paused, Notice: b.notice}
}

// lag returns the number of messages that are not delivered or not acknowledged. It saturates.
func lag(pending uint64, unacknowledged int64) (scalers.Milli, error) {
	if unacknowledged < 0 {
		return 0, errors.New("the server reports a negative number of messages")
	}
	const most = math.MaxInt64 / 1000
	if pending > most || uint64(unacknowledged) > most-pending {
		return math.MaxInt64, nil
	}
	return scalers.Milli(int64(pending)+unacknowledged) * 1000, nil
}
