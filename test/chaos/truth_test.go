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
	// repost is how often each is told everything again, as Prometheus does.
	repost = 2 * time.Second
	// dwell is how long every Alertmanager has known of an alert before it turns again. Faster than that, one that is late
	// with what it knows, or that was restarted and knows half of a group, overrules the others in their log of notifications,
	// and a resolve is lost among them.
	dwell = 2 * time.Second
	// expires is how far ahead the end of a firing alert is, so that none resolves because nobody repeats it.
	expires = 10 * time.Minute
)

// alert is what is true of one alert.
type alert struct {
	firing       bool
	starts, ends time.Time
	// told says which Alertmanagers have been told, and known since when all have.
	told  [peers]bool
	known time.Time
}

// truth is what is true of all alerts, and tells it to every Alertmanager.
type truth struct {
	ledger *ledger
	// late reports whether an Alertmanager still tries to deliver something of an object.
	late   func(object string) bool
	mu     sync.Mutex
	alerts map[alertID]*alert
	wake   [peers]chan struct{}
}

func newTruth(l *ledger) *truth {
	t := &truth{ledger: l, alerts: map[alertID]*alert{}}
	for i := range t.wake {
		t.wake[i] = make(chan struct{}, 1)
	}
	return t
}

// turn turns an alert over, unless the last turn is too fresh, or something older may still be on its way.
func (t *truth) turn(id alertID) {
	late := t.late(id.object)
	t.mu.Lock()
	a := t.alerts[id]
	if a == nil {
		a = &alert{told: [peers]bool{true, true, true}}
		t.alerts[id] = a
	}
	if again := !a.starts.IsZero(); a.told != [peers]bool{true, true, true} || time.Since(a.known) < dwell || again && late {
		t.mu.Unlock()
		return
	}
	a.firing, a.told = !a.firing, [peers]bool{}
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

// forgot says that an Alertmanager has lost all alerts, and is to be told again.
func (t *truth) forgot(peer int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.alerts {
		a.told[peer] = false
	}
}

// firing are the instances of an object's alert that fire.
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

// tell tells one Alertmanager everything, again and again, until ctx is done.
func (t *truth) tell(ctx context.Context, peer int, url string) {
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

// posted is an alert as Alertmanager's API takes it.
type posted struct {
	Labels map[string]string `json:"labels"`
	Starts time.Time         `json:"startsAt"`
	Ends   time.Time         `json:"endsAt"`
}

// post tells one Alertmanager everything once.
func (t *truth) post(ctx context.Context, peer int, url string) bool {
	said := map[alertID]bool{}
	all := []posted{}
	t.mu.Lock()
	for id, a := range t.alerts {
		p := posted{map[string]string{"alertname": id.object, "instance": id.instance}, a.starts, a.ends}
		if a.firing {
			p.Ends = time.Now().UTC().Add(expires)
		}
		all, said[id] = append(all, p), a.firing
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
	for id, firing := range said {
		if a := t.alerts[id]; a.firing == firing && !a.told[peer] {
			a.told[peer], a.known = true, time.Now()
		}
	}
	return true
}
