package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	// objectInterval and listInterval are the times between two updates of a stream of one object, and of a list.
	objectInterval = 250 * time.Millisecond
	listInterval   = time.Second
	// heartbeatInterval is the longest time without an event.
	heartbeatInterval = 10 * time.Second
	// chunk bounds the rows of one event.
	chunk = 500
)

// The events of a stream.
const (
	// EventSnapshot begins a stream: an Object with its series, or a Rows.
	EventSnapshot = "snapshot"
	// EventUpdate has an Object without its series, or the Rows that have changed.
	EventUpdate = "update"
	// EventGone ends the stream of an object that was deleted.
	EventGone = "gone"
	// EventHeartbeat shows that the stream is alive while nothing changes.
	EventHeartbeat = "heartbeat"
)

// Send sends an event with JSON in one line. It returns an error when the stream is to end.
type Send func(event string, data []byte) error

// Rows are the rows of a list, or some of them.
type Rows struct {
	// Total is the number of objects in the list.
	Total int `json:"total"`
	// Rows are sorted by namespace and name.
	Rows []json.RawMessage `json:"rows"`
	// Removed are the objects that do not exist any more, as namespace/name.
	Removed []string `json:"removed,omitempty"`
}

// List returns the Rows of some namespaces as JSON; nil is all namespaces.
func (v *View) List(namespaces []string) ([]byte, error) {
	all := v.list(namespaces)
	rows := Rows{Total: len(all), Rows: make([]json.RawMessage, len(all))}
	for i, e := range all {
		row, err := e.renderRow()
		if err != nil {
			return nil, err
		}
		rows.Rows[i] = row.text
	}
	return json.Marshal(rows)
}

// WatchObject sends an object, and then its changes, until ctx is done, the view is closed, or send returns an error. It returns ErrNotFound
// before it sends anything if there is no such object, and nil if the object was deleted.
func (v *View) WatchObject(ctx context.Context, namespace, name string, send Send) error {
	e, err := v.find(namespace, name)
	if err != nil {
		return err
	}
	text, err := v.renderObject(e)
	if err != nil {
		return err
	}
	whole, err := v.Object(namespace, name)
	if err != nil {
		return err
	}
	if err := send(EventSnapshot, whole); err != nil {
		return err
	}
	sent := text.changes
	return v.every(ctx, objectInterval, send, func() (bool, error) {
		if now, err := v.find(namespace, name); err != nil || now != e {
			return true, errGone
		}
		text, err := v.renderObject(e)
		if err != nil || text.changes == sent {
			return false, err
		}
		sent = text.changes
		return true, send(EventUpdate, text.text)
	})
}

// errGone ends a stream of an object that was deleted.
var errGone = errors.New("the object was deleted")

// every calls update at an interval. It sends a heartbeat when update has sent nothing for a while.
func (v *View) every(ctx context.Context, interval time.Duration, send Send, update func() (sent bool, err error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	quiet := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.closed:
			return ErrClosed
		case <-tick.C:
		}
		sent, err := update()
		switch {
		case errors.Is(err, errGone):
			return send(EventGone, []byte("{}"))
		case err != nil:
			return err
		case sent:
			quiet = time.Now()
		case time.Since(quiet) >= heartbeatInterval:
			quiet = time.Now()
			if err := send(EventHeartbeat, fmt.Appendf(nil, `{"at":%q}`, v.now().UTC().Format(time.RFC3339Nano))); err != nil {
				return err
			}
		}
	}
}
