package nats

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// The reasons of what is noticed of a consumer.
const (
	reasonPaused  = "ConsumerPaused"
	reasonExpires = "ConsumerExpires"
)

// maybeExpired is why a consumer may be gone that was there.
const maybeExpired = "if it had inactive_threshold, the server deleted it for want of workers; make it again without"

// backlog is one reading of a consumer.
type backlog struct {
	// level is the messages that wait: not delivered yet, and delivered but not acknowledged. Of a paused consumer only the
	// latter, on which somebody may be at work.
	level  scalers.Milli
	paused bool
	notice scalers.Notice
}

// backlogOf makes a reading of what a server says of a consumer; the counts are there.
func backlogOf(c *natsconn.Consumer) (backlog, error) {
	level, err := lag(*c.NumPending, *c.NumAckPending)
	if err != nil {
		return backlog{}, err
	}
	b := backlog{level: level, paused: c.Paused}
	switch after := c.Config.InactiveThreshold; {
	case c.Paused:
		b.notice = scalers.Notice{Reason: reasonPaused, Text: fmt.Sprintf(
			"consumer %s is paused%s: what waits, %d messages, is not delivered, and wakes nobody", c.Name, until(c.Config.PauseUntil), *c.NumPending)}
		b.level, err = lag(0, *c.NumAckPending)
	case after > 0:
		b.notice = scalers.Notice{Reason: reasonExpires, IdleOnly: true, Text: fmt.Sprintf(
			"consumer %s has inactive_threshold %s: after so long without a worker the server deletes it, whatever waits; remove inactive_threshold, or set minReplicaCount to 1",
			c.Name, after)}
	}
	return b, err
}

// until says when a pause ends.
func until(t *time.Time) string {
	if t == nil {
		return ""
	}
	return " until " + t.UTC().Format(time.RFC3339)
}

// event is what a reading says to a trigger.
func (b backlog) event() scalers.Event {
	return scalers.Event{Value: b.level, Suspended: b.paused, Notice: b.notice}
}

// lag adds the messages that were not delivered yet and those that were not acknowledged.
func lag(pending uint64, unacknowledged int64) (scalers.Milli, error) {
	if unacknowledged < 0 {
		return 0, errors.New("the server counts fewer than no messages")
	}
	const most = math.MaxInt64 / 1000
	if pending > most || uint64(unacknowledged) > most-pending {
		return math.MaxInt64, nil
	}
	return scalers.Milli(int64(pending)+unacknowledged) * 1000, nil
}
