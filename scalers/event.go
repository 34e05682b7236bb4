package scalers

import (
	"math"
	"time"
)

// Instant is a point in time, in nanoseconds since the Unix epoch. Within one process it never goes backwards: the caller
// reads the wall clock once at start, and adds monotonic time to it.
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

// Sub returns t-u. It does not saturate.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Time returns t as a wall-clock time in UTC.
func (t Instant) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// InstantOf returns the instant of a wall-clock time.
func InstantOf(t time.Time) Instant { return Instant(t.UnixNano()) }

// Event is one reading of one trigger. It states a level ("240 messages are waiting"), never a change. So an event that is
// lost, repeated or reordered does no harm: the latest event of a trigger is all that counts.
type Event struct {
	// Trigger is the name of the trigger, Trigger.Name.
	Trigger string
	// At is when the source was read, not when the event was handled. Zero: the trigger has not been read yet.
	At Instant
	// Value is the level in thousandths of the trigger's unit. A negative level is unknown, so a trigger whose user wants it
	// to be zero sends zero. Value has no meaning when Err is set, except with AtLeast, or when PerPod is.
	Value Milli
	// Ready and Current are the target's ready pods and its spec.replicas at At, 0 or more.
	// The owner of the workload sets them, not the trigger. Ready matters for metric type Value only.
	Ready, Current int32
	// PerPod is true for a reading of single pods. The level then comes from Pods, and is unknown when there are none. Pods
	// are as they were at At, and must not be changed afterwards.
	PerPod bool
	Pods   []Pod
	// Err is the reason why the level is unknown; nil when it is known. An unknown level is not zero: it never lowers the count.
	Err error
	// AtLeast is set together with Err: the level is unknown, but it is at least Value. That may raise the count, never lower it.
	AtLeast bool
	// Stale is true when the level counts, but its source has not confirmed it for longer than it should. It is reported, and
	// does not affect the decision.
	Stale bool
	// Unconfirmed is set together with Stale. It describes in a few words which part of the level was not confirmed, and since
	// when.
	Unconfirmed string
	// Lapsed describes in a few words which part of the level ended because its source did not confirm it, and since when; it
	// is empty if no part did. It is reported, and does not affect the decision.
	Lapsed string
	// Suspended is true when replicas would get no work for now, whatever the level is. Such a level does not activate an
	// idle workload, but keeps a running one active.
	Suspended bool
	// Activity is set by a source that itself reports whether there is work.
	Activity Activity
	// Notice is a remark on the source. It is reported, and does not affect the decision.
	Notice Notice
	// Foreseen is the level that follows without a new message. It does not affect the decision before its time, at which the
	// trigger sends an event.
	Foreseen Foreseen
	// Trace is the span that led to the event. It does not affect the decision.
	Trace Trace
}

// Trace identifies a span, as OpenTelemetry does. The zero value is none.
type Trace struct {
	ID   [16]byte
	Span [8]byte
	// Sampled is true if the span is recorded.
	Sampled bool
}

// Activity is what makes a trigger with a known level active.
type Activity uint8

const (
	// ActiveByLevel is a level above the activation value.
	ActiveByLevel Activity = iota
	// ActiveBySource is active, whatever the level is.
	ActiveBySource
	// InactiveBySource is not active, whatever the level is. The level counts while another trigger is active.
	InactiveBySource
)

// active reports whether the event makes its trigger active. A suspended level does not activate an idle workload.
func (e *Event) active(t *Trigger, idle bool) bool {
	switch e.Activity {
	case ActiveBySource:
		return true
	case InactiveBySource:
		return false
	default:
		return e.Value > t.Activation && (!e.Suspended || !idle)
	}
}

// Foreseen is a level at a future instant. The zero value is none.
type Foreseen struct {
	At Instant
	// Value is in thousandths of the trigger's unit.
	Value Milli
}

// Notice is a remark of a trigger on its source, while the level is known. The zero value is none.
type Notice struct {
	// Reason is one word in CamelCase, like the reason of a condition: ConsumerPaused.
	Reason string
	// Text is one sentence.
	Text string
	// IdleOnly is true when it matters only to a workload that may be idle with zero replicas.
	IdleOnly bool
}
