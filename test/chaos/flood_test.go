package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

const (
	// crowd is the number of objects with alerts, low and high their counts.
	crowd     = 200
	low, high = 1, 5
	// alertsPerSecond are sent, and one in changeEvery of them is a change. The others are repeats, and one in lateEvery of those is
	// a firing of the last activation, which has resolved since.
	alertsPerSecond, changeEvery, lateEvery = 100, 5, 10
)

// subject is one object and its alert. It changes again only after the last change was accepted.
type subject struct {
	name string
	busy bool
	// firing is the last sent state, body its message, and old the firing before it.
	firing    bool
	starts    time.Time
	body, old []byte
	// accepted is when it was accepted; zero before. right is when the count was observed to follow.
	accepted, right time.Time
}

// flood sends alerts at a constant rate, and compares the observed counts with the accepted alerts.
type flood struct {
	env  *env
	mu   sync.Mutex
	rand *rand.Rand
	all  []*subject
	by   map[string]*subject
	// changes and repeats were accepted; refused had another response or none.
	changes, repeats, refused int
	// gone is when the last leader had ended, and next the time of the first acceptance after that.
	gone, next time.Time
	// delays are the times from the acceptance of a change to the count that follows.
	delays []time.Duration
	wrong  []string
}

func newFlood(e *env) *flood {
	f := &flood{env: e, rand: rand.New(rand.NewPCG(*first, 6)), by: map[string]*subject{}}
	for _, o := range e.plan.objects {
		s := &subject{name: o.name, accepted: time.Now(), right: time.Now()}
		f.all, f.by[o.name] = append(f.all, s), s
	}
	e.ledger.onEachWrite(f.observe)
	return f
}

// run sends until ctx is done, and returns when the last change has been accepted.
func (f *flood) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(time.Second / alertsPerSecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if i%changeEvery == 0 {
			if s := f.change(i / changeEvery); s != nil {
				all.Go(func() { f.sendUntilAccepted(context.WithoutCancel(ctx), s) })
			}
			continue
		}
		all.Go(func() { f.offer(context.WithoutCancel(ctx), f.acceptedBody(i)) })
	}
}

// change toggles the alert of the next object. It returns nil while the last change of that object is not accepted, or its count
// does not follow yet: there may be no leader.
func (f *flood) change(i int) *subject {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.all[i%len(f.all)]
	if s.busy || s.right.IsZero() && time.Since(s.accepted) < convergeTimeout {
		return nil
	}
	f.checkLast(s)
	s.busy, s.firing, s.accepted, s.right = true, !s.firing, time.Time{}, time.Time{}
	status, ends := "firing", time.Time{}
	if s.firing {
		s.starts = time.Now().UTC()
	} else {
		status, ends, s.old = "resolved", time.Now().UTC(), s.body
	}
	s.body = fmt.Appendf(nil, `{"version":"4","groupKey":"{}","status":%[1]q,"receiver":"impulse","alerts":[{"status":%[1]q,
		"labels":{"alertname":%[2]q,"instance":"a"},"annotations":{},"startsAt":%[3]q,"endsAt":%[4]q}]}`,
		status, s.name, s.starts.Format(time.RFC3339Nano), ends.Format(time.RFC3339Nano))
	return s
}

// checkLast records an error when the count did not follow the last change of an object. The caller must hold f.mu.
func (f *flood) checkLast(s *subject) {
	if s.right.IsZero() {
		f.wrong = append(f.wrong, fmt.Sprintf("%s: firing %t was accepted %s ago, and never came true", s.name, s.firing, time.Since(s.accepted)))
	}
}

// acceptedBody returns a body that was accepted already.
func (f *flood) acceptedBody(i int) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.all[f.rand.IntN(len(f.all))]
	switch {
	case i%lateEvery == 1 && !s.busy && !s.firing && s.old != nil:
		return s.old
	case !s.busy && s.body != nil:
		return s.body
	default:
		return []byte(`{"version":"4","status":"firing","alerts":[]}`)
	}
}

// sendUntilAccepted sends a change until it is accepted, as Alertmanager does.
func (f *flood) sendUntilAccepted(ctx context.Context, s *subject) {
	for !f.post(ctx, s.body) {
		<-time.After(100 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	s.busy, s.accepted = false, time.Now()
	if f.env.ledger.count(s.name) == s.want() {
		s.right = s.accepted
		f.delays = append(f.delays, 0)
	}
}

func (s *subject) want() int32 {
	if s.firing {
		return high
	}
	return low
}

func (f *flood) offer(ctx context.Context, body []byte) {
	if f.post(ctx, body) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.repeats++
	}
}

// post offers a body to one Impulse after the other, and reports whether one accepted it.
func (f *flood) post(ctx context.Context, body []byte) bool {
	f.mu.Lock()
	order := f.rand.Perm(len(f.env.urls))
	f.mu.Unlock()
	for _, i := range order {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		code, _ := testkit.Request(ctx, http.MethodPost, f.env.urls[i]+"/v1/alertmanager/"+f.env.plane.Namespace, ourToken, body)
		cancel()
		f.mu.Lock()
		switch code / 100 {
		case 2:
			if now := time.Now(); f.next.IsZero() && now.After(f.gone) {
				f.next = now
			}
			f.mu.Unlock()
			return true
		case 4:
			f.wrong = append(f.wrong, fmt.Sprintf("an alert was answered with %d", code))
			fallthrough
		default:
			f.refused++
		}
		f.mu.Unlock()
	}
	return false
}

// observe records an observed count.
func (f *flood) observe(w write) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.by[w.object]
	if s == nil {
		return
	}
	if s.firing && !s.accepted.IsZero() && w.at.Sub(s.accepted) > flight && w.to < high {
		f.wrong = append(f.wrong, fmt.Sprintf("%s was written %d → %d, %s after its alert was accepted as firing", s.name, w.from, w.to, w.at.Sub(s.accepted)))
	}
	if s.right.IsZero() && w.to == s.want() {
		s.right = w.at
		if !s.accepted.IsZero() {
			f.delays = append(f.delays, w.at.Sub(s.accepted))
		}
	}
}

// converged reports whether every count follows the last accepted alert.
func (f *flood) converged() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.all {
		if s.body != nil && f.env.ledger.count(s.name) != s.want() {
			return false
		}
	}
	return true
}

// onLeaderEnded records that from an instant on only the next leader accepts.
func (f *flood) onLeaderEnded(gone time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone, f.next = gone, time.Time{}
}

// nextAccepted returns the time of the first acceptance by the next leader; zero before it.
func (f *flood) nextAccepted() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}
