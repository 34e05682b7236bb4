package triggers

import (
	"net/http"
	"net/url"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Doors are where what is sent to single triggers comes in: the direct doors. What comes through one is recorded, durably
// and before it is answered, and reaches the trigger through Alerts, by an AlertQuery of its object and name.
type Doors interface {
	// Listen opens a direct door until the returned function is called. take turns a message into levels, or says what is
	// wrong with it; it is a pure function, must not keep the message, and may be called from several goroutines.
	Listen(d Door, take func(Message) ([]Level, error)) (leave func())
}

// Door names a direct door: the trigger it leads to, and what a sender calls it.
type Door struct {
	Namespace, Object, Trigger string
	// Hook is the last part of the path of a webhook, which several triggers of a namespace may listen to; "" for a door
	// that only pushes to this trigger use.
	Hook string
}

// Message is what was sent to a door.
type Message struct {
	Header http.Header
	Query  url.Values
	// Body is decoded JSON, as encoding/json decodes into an any with UseNumber.
	Body any
	// At is when it was received.
	At time.Time
}

// Level is one level that a message states. The newest of each key is the whole truth.
type Level struct {
	// Key tells levels of one trigger apart that exist side by side: a job, an instance. It may be "".
	Key string
	// Value counts while the level is On; one that is not On is over.
	Value scalers.Milli
	On    bool
	// At is when it became true, by the sender's clock; zero: when it was received. An older one than is known is ignored.
	At time.Time
	// TTL is how long it counts without being repeated; 0: until it is replaced.
	TTL time.Duration
}
