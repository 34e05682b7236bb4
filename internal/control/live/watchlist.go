package live

import (
	"context"
	"encoding/json"
	"fmt"
)

// WatchList sends the rows of some namespaces, and then those that change, until ctx is done, the view is closed, or send returns an error.
// nil is all namespaces.
func (v *View) WatchList(ctx context.Context, namespaces []string, send Send) error {
	w := listWatch{view: v, namespaces: namespaces, send: send, sent: map[*entry]sentRow{}}
	if _, err := w.update(EventSnapshot); err != nil {
		return err
	}
	return v.every(ctx, listInterval, send, func() (bool, error) { return w.update(EventUpdate) })
}

// listWatch is a stream of a list.
type listWatch struct {
	view       *View
	namespaces []string
	send       Send
	// sent has the rows that the client has.
	sent map[*entry]sentRow
	// rounds numbers the updates.
	rounds uint64
}

// sentRow is a row that was sent.
type sentRow struct {
	version, changes uint64
	// round is the last update in which the object existed.
	round uint64
}

// update sends the rows that have changed, and reports whether there were any. A snapshot is sent in any case.
func (w *listWatch) update(event string) (bool, error) {
	all := w.view.list(w.namespaces)
	w.rounds++
	rows := Rows{Total: len(all), Rows: []json.RawMessage{}}
	known := map[string]bool{}
	for _, e := range all {
		was, old := w.sent[e]
		version := e.version.Load()
		if old && was.version == version {
			was.round = w.rounds
			w.sent[e] = was
			continue
		}
		row, err := e.renderRow()
		if err != nil {
			return false, err
		}
		w.sent[e] = sentRow{version, row.changes, w.rounds}
		if old && was.changes == row.changes {
			continue
		}
		known[e.object.Namespace+"/"+e.object.Name] = true
		if rows.Rows = append(rows.Rows, row.text); len(rows.Rows) == chunk {
			if err := w.sendRows(event, &rows); err != nil {
				return false, err
			}
			event = EventUpdate
		}
	}
	w.remove(&rows, known)
	if event == EventUpdate && len(rows.Rows)+len(rows.Removed) == 0 {
		return len(known) > 0, nil
	}
	return true, w.sendRows(event, &rows)
}

// remove adds the objects that do not exist any more. An object with the name of a new one is replaced by it.
func (w *listWatch) remove(rows *Rows, known map[string]bool) {
	for e, was := range w.sent {
		if was.round == w.rounds {
			continue
		}
		delete(w.sent, e)
		if key := e.object.Namespace + "/" + e.object.Name; !known[key] {
			rows.Removed = append(rows.Removed, key)
		}
	}
}

// sendRows sends rows, and removes them.
func (w *listWatch) sendRows(event string, rows *Rows) error {
	text, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode the rows: %w", err)
	}
	rows.Rows, rows.Removed = rows.Rows[:0], nil
	return w.send(event, text)
}
