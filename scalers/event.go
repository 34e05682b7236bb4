package scalers

import (
	"math"
	"time"
)

// Instant is a point in time in nanoseconds since the Unix epoch. Within one run it never goes backwards: its owner
// takes wall time once at start and adds monotonic time to it.
type Instant int64

// Never is an Instant that is not reached.
const Never Instant = math.MaxInt64

// Add returns t+d, saturating at Never.
func (t Instant) Add(d time.Duration) Instant {
	if d > 0 && int64(t) > math.MaxInt64-int64(d) {
		return Never
	}
	return t + Instant(d)
}

// back returns t-d, saturating; d >= 0.
func (t Instant) back(d time.Duration) Instant {
	if int64(t) < math.MinInt64+int64(d) {
		return math.MinInt64
	}
	return t - Instant(d)
}

// Sub returns t-u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Time returns t as a wall-clock time in UTC.
func (t Instant) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// InstantOf returns the instant of a wall-clock time.
func InstantOf(t time.Time) Instant { return Instant(t.UnixNano()) }

// Event is one reading of one trigger: the only thing that travels from triggers to scalers. It states a level ("240
// messages wait"), never a change, so that losing, repeating or reordering one is harmless: the newest per trigger is
// the whole truth.
type Event struct {
	// Trigger is its name within the workload.
	Trigger string
	// At is when the source was read, not when the reading was handled. Zero: nothing has been read yet.
	At Instant
	// Value is the level in the trigger's own unit. It means nothing when Err is set; a negative one is unknown, so a
	// trigger whose user wants it to be zero says zero.
	Value Milli
	// Ready and Current are what the reading was true of: the target's ready pods and its spec.replicas at At. They are
	// filled in by the owner of the workload, not by the trigger; Ready is needed for metric type Value only.
	Ready, Current int32
	// PerPod: the reading is one of single pods. Then Value means nothing, the level comes from Pods, and none of them means
	// unknown. The pods are as they were at At; whoever hands them over does not change them afterwards.
	PerPod bool
	Pods   []Pod
	// Err says why the level is unknown. Unknown is not zero: nothing is lowered on an unknown.
	Err error
	// AtLeast goes with Err: the level is not known, but it is Value or more. It may raise, and lowers nothing.
	AtLeast bool
	// Stale: the level counts, but its source has not confirmed it for longer than it should. People are told of it;
	// nothing is decided otherwise.
	Stale bool
	// Unconfirmed goes with Stale: what was not confirmed, and since when, in a few words.
	Unconfirmed string
	// Lapsed says which part of the level is over because its source did not confirm it, and since when, in a few words. People are
	// told of it; nothing is decided by it.
	Lapsed string
	// Dormant: replicas would be given nothing of the level for now. It does not lift a workload from rest, and keeps one
	// that works from going there.
	Suspended bool
	// Notice is what people should know of the source beside its level. Nothing is decided by it.
	Notice Notice
	// Foreseen is what the level becomes by itself unless a message says otherwise. Nothing is decided by it before it is there.
	Foreseen Foreseen
}

// Foreseen is a level that comes at a known time. The zero value is none.
type Foreseen struct {
	At    Instant
	Value Milli
}

// Notice is what a trigger says of its source, although the level is known. The zero value is none.
type Notice struct {
	// Reason is one word for machines, as of a condition: ConsumerPaused.
	Reason string
	// Text is one sentence for people.
	Text string
	// AtRest: it matters only to a workload that may be left without replicas.
	IdleOnly bool
}
