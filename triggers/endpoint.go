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

// Endpoints are where what is sent to single triggers comes in: the direct doors. What comes through one is recorded, durably
// and before it is answered, and reaches the trigger through Alerts, by an AlertQuery of its object and name.
type Endpoints interface {
	// Listen opens a direct door until the returned function is called. take turns a message into levels, or says what is
	// wrong with it: with ErrUnverified when nobody vouches for it, with ErrUnavailable when the same message may be
	// understood later. None at all is a message that does not concern the trigger. take changes nothing but what it
	// remembers of others, such as certificates; it must not keep the message, ends with ctx, and may be called from several
	// goroutines.
	Listen(d Endpoint, take func(ctx context.Context, m Message) ([]Level, error)) (leave func())
	// Record takes levels that came another way as if they had come through the door at a time, and reports whether they are
	// durable. If not, that is said, and worth a retry.
	Record(ctx context.Context, d Endpoint, at time.Time, levels []Level) bool
	// Reject says that what came another way was not understood, and will not be.
	Reject(d Endpoint, why error)
}

// Errors that a take function wraps.
var (
	// ErrUnverified: the message does not prove who sent it.
	ErrUnverified = errors.New("unverified")
	// ErrUnavailable: what is needed to understand the message is not there at the moment.
	ErrUnavailable = errors.New("unavailable")
	// ErrOverBudget: the namespace has had evaluated as much as it may for now. It is an ErrUnavailable.
	ErrOverBudget = fmt.Errorf("%w: over budget", ErrUnavailable)
)

// Endpoint names a direct door: the trigger it leads to, and what a sender calls it.
type Endpoint struct {
	Namespace, Object, Trigger string
	// Hook is the last part of the path of a webhook, which several triggers of a namespace may listen to; "" for a door
	// that only pushes to this trigger use.
	Hook string
	// Signed: take verifies a signature of each message, so that a sender who can show no credential may knock.
	Signed bool
}

// Message is what was sent to a door.
type Message struct {
	Header http.Header
	Query  url.Values
	// Raw is the body as it was sent, for signatures.
	Raw []byte
	// Body is decoded JSON, as encoding/json decodes into an any with UseNumber; no object in it has a key twice.
	Body any
	// At is when it was received.
	At time.Time
	// Evaluate runs one evaluation of an expression that a user wrote, in its turn among all others; run returns its cost, in
	// CEL's units. An error says why it was not run: one that wraps ErrOverBudget is worth a retry. nil: each is run at once.
	Evaluate func(ctx context.Context, run func() (cost uint64)) error
}

// Level is one level that a message states. The newest of each key is the whole truth.
type Level struct {
	// Key tells levels of one trigger apart that exist side by side: a job, an instance. It may be "".
	Key string
	// Value counts while the level is On; one that is not On is over.
	Value scalers.Milli
	On    bool
	// At is when it became true, by the sender's clock; zero, or in the future: when it was received. An older one than is
	// known is ignored.
	At time.Time
	// TTL is how long it counts without being repeated; 0: until it is replaced.
	TTL time.Duration
	// ID names the message among those of its sender: one that was taken before is a repeat, and changes nothing. "": the
	// sender names none.
	ID string
}
