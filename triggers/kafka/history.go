package kafka

import (
	"fmt"

	"github.com/impulse-sh/impulse/scalers"
)

// reasonLimited is the reason of the notice on a lag that does not count in full.
const reasonLimited = "LagLimited"

// history is what one trigger remembers of its readings.
type history struct {
	// last and previous have the committed offsets of the newest reading, which was at lastAt, and of the one before.
	lastAt         scalers.Instant
	last, previous map[topicPartition]int64
	// limited is true while the lag is limited, or was and has not become much smaller since.
	limited bool
}

// before returns the committed offsets of the reading before the one at an instant. A reading may be delivered twice.
func (h *history) before(at scalers.Instant) map[topicPartition]int64 {
	if at == h.lastAt {
		return h.previous
	}
	return h.last
}

// add remembers the committed offsets of a reading.
func (h *history) add(at scalers.Instant, all []partitionState) {
	if at != h.lastAt {
		h.previous, h.lastAt = h.last, at
	}
	h.last = make(map[topicPartition]int64, len(all))
	for _, p := range all {
		h.last[p.topicPartition] = p.committed
	}
}

// notice returns the notice on a lag that does not count in full. It remains until the lag is half the ceiling, so that a lag around the
// ceiling does not change the object's status at each reading.
func (h *history) notice(g Group, l lag) scalers.Notice {
	counted, ceiling := messages(l.counted), g.ceiling(l)
	if h.limited = counted > ceiling || h.limited && counted > ceiling/2; !h.limited {
		return scalers.Notice{}
	}
	if g.LimitToPartitionsWithLag {
		return scalers.Notice{Reason: reasonLimited, Text: "the lag counts as at most one lagThreshold for each partition with lag (limitToPartitionsWithLag)"}
	}
	return scalers.Notice{Reason: reasonLimited, Text: fmt.Sprintf(
		"the lag counts as at most %s, one lagThreshold for each of %d partitions: more replicas would be idle", ceiling, l.partitions)}
}
