package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Type is what a notification is about. The type of the CloudEvent is typePrefix + Type + typeSuffix.
type Type string

// The types of notifications.
const (
	// Scaled: the count of the target was changed.
	Scaled Type = "scaled"
	// Limited: a rule began to hold the count. Unlimited: no rule holds it any longer.
	Limited   Type = "limited"
	Unlimited Type = "unlimited"
	// Failing: a trigger became unknown. Recovered: it is known again.
	Failing   Type = "failing"
	Recovered Type = "recovered"
	// FallbackBegun: the fallback determines what a trigger asks for. FallbackEnded: it no longer does.
	FallbackBegun Type = "fallback-begun"
	FallbackEnded Type = "fallback-ended"
	// Paused: a pause began, or became another one. Resumed: it is over.
	Paused  Type = "paused"
	Resumed Type = "resumed"
	// Refused: the newest version of the object is not in effect. Accepted: it is in effect again.
	Refused  Type = "refused"
	Accepted Type = "accepted"
)

// Types returns all types.
func Types() []Type {
	return []Type{
		Scaled, Limited, Unlimited, Failing, Recovered, FallbackBegun, FallbackEnded, Paused, Resumed, Refused, Accepted,
	}
}

// Event is one notification. It is not changed after Notify.
type Event struct {
	Type Type
	Time time.Time
	// Namespace, Name and UID identify the ScaledObject. Labels are its labels, for filters.
	Namespace, Name, UID string
	Labels               map[string]string
	// Target is the target, such as Deployment/web.
	Target string
	// From and To are the counts of Scaled.
	From, To int32
	// Trigger is the trigger that the notification is about; for Scaled it is the one that determined the count.
	Trigger string
	// Reason is the reason of the condition that changed; for Unlimited, Resumed and Accepted it is the reason that no longer holds.
	Reason string
	// LimitedBy are the rules that limited the count of Scaled.
	LimitedBy []string
	// Message is one sentence.
	Message string
}

// id returns the id of the CloudEvent. It is the same for each attempt to send the event, and differs for any two events.
func (e *Event) id() string {
	h := sha256.New()
	for _, part := range []string{
		e.UID, e.Namespace, e.Name, string(e.Type), e.Trigger, e.Reason, fmt.Sprint(e.Time.UnixNano(), e.From, e.To),
	} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sameKind reports whether two events are of the same type, about the same trigger of the same object.
func (e *Event) sameKind(other *Event) bool {
	return e.Type == other.Type && e.Namespace == other.Namespace && e.Name == other.Name && e.Trigger == other.Trigger
}

// size returns an estimate of the memory that an event needs, in bytes.
func (e *Event) size() int {
	n := 256 + len(e.Namespace) + len(e.Name) + len(e.UID) + len(e.Target) + len(e.Trigger) + len(e.Reason) + len(e.Message)
	for _, rule := range e.LimitedBy {
		n += 16 + len(rule)
	}
	return n
}

// change returns by how much Scaled changed the count.
func (e *Event) change() int64 {
	return max(int64(e.To)-int64(e.From), int64(e.From)-int64(e.To))
}

// examples returns an event of each of the given types, to check expressions.
func examples(types []Type) []*Event {
	all := make([]*Event, len(types))
	for i, t := range types {
		e := &Event{
			Type: t, Time: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), Namespace: "shop", Name: "checkout",
			UID: "7b9b7a34-6f0e-4b6f-9a3c-1f1c5d0f9d11", Target: "Deployment/checkout", Message: "an example",
		}
		switch t {
		case Scaled:
			e.From, e.To, e.Trigger, e.LimitedBy = 2, 10, "orders", []string{"maxReplicaCount"}
		case Failing, Recovered, FallbackBegun, FallbackEnded:
			e.Trigger = "orders"
		default:
			e.Reason = "MaxReplicaCount"
		}
		all[i] = e
	}
	return all
}

// named returns the type with a name, or false.
func named(name string) (Type, bool) {
	return Type(name), slices.Contains(Types(), Type(name))
}
