package chaos

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

const (
	// peers is the number of Alertmanagers.
	peers = 3
	// repost is how often all alerts are posted again to each Alertmanager, as Prometheus does.
	repost = 2 * time.Second
	// dwell is how long every Alertmanager must have had an alert before it turns again. With faster turns, an Alertmanager that is late,
	// or that was restarted and has half of a group, overrules the others in the shared log of notifications, and a resolve is lost.
	dwell = 2 * time.Second
	// expires is how far ahead the end of a firing alert is, so that no alert resolves because it is not repeated.
	expires = 10 * time.Minute
)

// alert is the true state of one alert.
type alert struct {
	firing       bool
	starts, ends time.Time
	// received has the Alertmanagers that have received the current state. complete is when the last of them received it.
	received [peers]bool
	complete time.Time
}

// truth is the true state of all alerts, which it posts to every Alertmanager.
type truth struct {
	ledger *ledger
	// retrying reports whether an Alertmanager is still retrying a delivery of an object.
	retrying func(object string) bool
	mu       sync.Mutex
	alerts   map[alertID]*alert
	wake     [peers]chan struct{}
}

func newTruth(l *ledger) *truth {
	t := &truth{ledger: l, alerts: map[alertID]*alert{}}
	for i := range t.wake {
		t.wake[i] = make(chan struct{}, 1)
	}
	return t
}

// toggle changes an alert from firing to resolved or back, unless its last change is too recent, or an older message may still
// arrive.
func (t *truth) toggle(id alertID) {
	retrying := t.retrying(id.object)
	t.mu.Lock()
	a := t.alerts[id]
	if a == nil {
		a = &alert{received: [peers]bool{true, true, true}}
		t.alerts[id] = a
	}
	if again := !a.starts.IsZero(); a.received != [peers]bool{true, true, true} || time.Since(a.complete) < dwell || again && retrying {
		t.mu.Unlock()
		return
	}
	a.firing, a.received = !a.firing, [peers]bool{}
	word := "resolves"
	if a.firing {
		a.starts, word = time.Now().UTC(), "fires"
	} else {
		a.ends = time.Now().UTC()
	}
	t.mu.Unlock()
	t.ledger.log("%s %s", id, word)
	for _, wake := range t.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// resend has all alerts posted again to an Alertmanager that lost them.
func (t *truth) resend(peer int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.alerts {
		a.received[peer] = false
	}
}

// firing returns the instances of an object's alert that fire.
func (t *truth) firing(object string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	set := map[string]bool{}
	for id, a := range t.alerts {
		if id.object == object && a.firing {
			set[id.instance] = true
		}
	}
	return sorted(set)
}

// run posts all alerts to one Alertmanager, again and again, until ctx is done.
func (t *truth) run(ctx context.Context, peer int, url string) {
	again := time.NewTicker(repost)
	defer again.Stop()
	for {
		if !t.post(ctx, peer, url) {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			t.poke(peer)
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-t.wake[peer]:
		}
	}
}

func (t *truth) poke(peer int) {
	select {
	case t.wake[peer] <- struct{}{}:
	default:
	}
}

// posted is an alert in the format of Alertmanager's API.
type posted struct {
	Labels map[string]string `json:"labels"`
	Starts time.Time         `json:"startsAt"`
	Ends   time.Time         `json:"endsAt"`
}

// post posts all alerts to one Alertmanager once.
func (t *truth) post(ctx context.Context, peer int, url string) bool {
	states := map[alertID]bool{}
	all := []posted{}
	t.mu.Lock()
	for id, a := range t.alerts {
		p := posted{map[string]string{"alertname": id.object, "instance": id.instance}, a.starts, a.ends}
		if a.firing {
			p.Ends = time.Now().UTC().Add(expires)
		}
		all, states[id] = append(all, p), a.firing
	}
	t.mu.Unlock()
	body, err := json.Marshal(all)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if code, _ := testkit.Post(ctx, url+"/api/v2/alerts", body); code != http.StatusOK {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, firing := range states {
		if a := t.alerts[id]; a.firing == firing && !a.received[peer] {
			a.received[peer], a.complete = true, time.Now()
		}
	}
	return true
}
