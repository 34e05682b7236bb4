package triggers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Endpoints has the trigger endpoints, which receive messages for single triggers. The levels of a message are recorded durably
// before it is answered. The trigger receives them from Alerts, with an AlertQuery for its object and name.
type Endpoints interface {
	// Listen opens the endpoint of a trigger until stop is called. decode turns a message into levels. It returns none for a
	// message that does not concern the trigger. Its error wraps ErrUnverified if the sender is not proven, and ErrUnavailable
	// if the same message may be valid later; any other error rejects the message for good. decode must not retain the message, has no
	// side effects except for caches such as one of certificates, returns when ctx is done, and is called from several goroutines.
	Listen(e Endpoint, decode func(ctx context.Context, m Message) ([]Level, error)) (stop func())
	// Record records levels that arrived by another way, such as NATS, as if the endpoint had received them at m.At in a message with
	// m.Header. It reports whether they are durable. If they are not, it logs the reason, and the caller should try again.
	Record(ctx context.Context, e Endpoint, m Message, levels []Level) bool
	// Reject reports a message that arrived by another way and is invalid for good.
	Reject(e Endpoint, reason error)
}

// Errors that a decode function wraps.
var (
	// ErrUnverified means that the message does not prove who sent it.
	ErrUnverified = errors.New("unverified")
	// ErrUnavailable means that something needed to decode the message is not available at the moment.
	ErrUnavailable = errors.New("unavailable")
	// ErrOverBudget means that the expressions of the namespace have used up their budget for now. It wraps ErrUnavailable.
	ErrOverBudget = fmt.Errorf("%w: over budget", ErrUnavailable)
)

// Endpoint identifies a trigger endpoint.
type Endpoint struct {
	// Namespace, Object and Trigger name the trigger.
	Namespace, Object, Trigger string
	// Hook is the last element of the path of a webhook, on which several triggers of a namespace may listen. It is "" for the
	// endpoint of a push trigger.
	Hook string
	// Signed is true if decode verifies a signature in each message. Senders then need no other credential.
	Signed bool
}

// Message is a message to an endpoint.
type Message struct {
	Header http.Header
	Query  url.Values
	// Raw is the body as it was sent, for signatures.
	Raw []byte
	// Body is the decoded JSON, as DecodeJSON returns it.
	Body any
	// At is when the message was received.
	At time.Time
	// Evaluate runs one evaluation of an expression that a user wrote, when it is the namespace's turn. run returns the cost, in
	// CEL's units. An error means that run was not called; if it wraps ErrOverBudget, the sender should try again. If Evaluate
	// is nil, the trigger evaluates without limits.
	Evaluate func(ctx context.Context, run func() (cost uint64)) error
}

// Level is a level that a message states. The newest level of each key replaces the older ones.
type Level struct {
	// Key distinguishes levels of one trigger that exist at the same time, such as those of jobs or instances. It may be "".
	Key string
	// Value counts while On is true. A Level with On false ends the level of its key.
	Value scalers.Milli
	On    bool
	// At is when the level became valid, by the sender's clock. If it is zero or in the future, the time of receipt is used. A
	// level that is older than the recorded one is ignored.
	At time.Time
	// TTL is how long the level counts without being repeated; 0 means until it is replaced.
	TTL time.Duration
	// ID identifies the message among those of its sender; "" if the sender sets none. A message with the ID of a recorded one is
	// a repeat and changes nothing.
	ID string
}
