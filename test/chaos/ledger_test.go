package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// alertID is one alert: the instance of an object's.
type alertID struct{ object, instance string }

// String reads as in the timeline.
func (a alertID) String() string { return a.object + a.instance }

// message is what one delivery says of one alert.
type message struct {
	alert        alertID
	firing       bool
	starts, ends time.Time
}

// delivery is one message on its way to an Impulse.
type delivery struct {
	message

	sent time.Time
	// accepted is when a 2xx came, zero when none did; leader is who led then.
	accepted time.Time
	leader   int
}

// write is a change of a Deployment's count, when it was seen.
type write struct {
	object   string
	from, to int32
	at       time.Time
}

// trouble is a fault as it really was.
type trouble struct {
	fault

	// impulse is the one that it is upon, or upon its way to the API server; everybody when negative.
	impulse     int
	from, until time.Time
	// counts are those of the Deployments when it began.
	counts map[string]int32
}

// anybody is every Impulse.
const anybody = -1

// touches reports whether it stands between an acceptance by an Impulse, or by anybody, and a write.
func (t *trouble) touches(impulse int) bool {
	kind, _, _ := strings.Cut(t.kind, " ")
	if kind != "leader" && kind != "follower" && kind != "api" {
		return false
	}
	return impulse == anybody || t.impulse == anybody || t.impulse == impulse
}

// late reports whether what was sent before it may arrive after it.
func (t *trouble) late() bool {
	return t.kind == "leader freeze" || t.kind == "follower freeze" || t.kind == "api stall"
}

// value is the least that a queue or a query can have been from an instant on.
type value struct {
	object string
	at     time.Time
	least  int
}

// refusal is an answer that a delivery was not accepted; code is 0 when there was none.
type refusal struct {
	at   time.Time
	by   string
	code int
}

// hiccup is how long a bare write of ours took to be seen: what the machine itself needs.
type hiccup struct {
	at   time.Time
	took time.Duration
}

// ledger is the timeline of one seed.
type ledger struct {
	mu         sync.Mutex
	began      time.Time
	lines      []string
	deliveries []*delivery
	writes     []write
	troubles   []*trouble
	values     []value
	hiccups    []hiccup
	refusals   []refusal
	counts     map[string]int32
	leader     int
	wrong      []string
	// onWrite is told of each write; it may be nil.
	onWrite func(write)
}

func newLedger() *ledger { return &ledger{began: time.Now(), counts: map[string]int32{}} }

// start begins the time of the plan.
func (l *ledger) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
}

// say adds a line to the timeline.
func (l *ledger) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(time.Now(), format, args...)
}

// note is say for whoever holds the lock.
func (l *ledger) note(at time.Time, format string, args ...any) {
	l.lines = append(l.lines, stamp(at.Sub(l.began))+" "+fmt.Sprintf(format, args...))
}

// fail notes something that must not happen.
func (l *ledger) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, stamp(time.Since(l.began))+" "+fmt.Sprintf(format, args...))
}

// send notes messages that are on their way.
func (l *ledger) send(name string, all []message) []*delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var sent []*delivery
	for _, m := range all {
		sent = append(sent, &delivery{message: m, sent: now})
	}
	l.deliveries = append(l.deliveries, sent...)
	l.note(now, "%s sends %s", name, phrase(all))
	return sent
}

// accept notes that messages were answered with 2xx.
func (l *ledger) accept(by string, sent []*delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, d := range sent {
		d.accepted, d.leader = now, l.leader
	}
	l.note(now, "%s has accepted it", by)
}

// refuse notes that a delivery was not accepted.
func (l *ledger) refuse(by string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.refusals = append(l.refusals, refusal{now, by, code})
	l.note(now, "%s: %d", by, code)
}

// led notes who leads.
func (l *ledger) led(leader int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if leader != l.leader {
		l.note(time.Now(), "impulse-%d leads", leader)
	}
	l.leader = leader
}

// leading is who leads.
func (l *ledger) leading() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader
}

// tell has each write told from now on.
func (l *ledger) tell(onWrite func(write)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onWrite = onWrite
}

// saw notes the count of a Deployment.
func (l *ledger) saw(object string, n int32) {
	l.mu.Lock()
	from, known := l.counts[object]
	l.counts[object] = n
	w := write{object, from, n, time.Now()}
	changed, tell := known && from != n, l.onWrite
	if changed {
		l.writes = append(l.writes, w)
		l.note(w.at, "  %s: %d → %d", object, from, n)
	}
	l.mu.Unlock()
	if changed && tell != nil {
		tell(w)
	}
}

// count is the count of a Deployment that was seen last.
func (l *ledger) count(object string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[object]
}

// value notes the least that a queue or a query is from now on.
func (l *ledger) value(object string, least int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values = append(l.values, value{object, time.Now(), least})
}

// measured notes how long a bare write took.
func (l *ledger) measured(at time.Time, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hiccups = append(l.hiccups, hiccup{at, took})
}

// begin notes that a fault begins.
func (l *ledger) begin(f fault, whom string, impulse int) *trouble {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &trouble{fault: f, impulse: impulse, from: time.Now(), counts: maps.Clone(l.counts)}
	l.troubles = append(l.troubles, t)
	l.note(t.from, "✗ %s (%s)", f.kind, whom)
	return t
}

// end notes that it is over.
func (l *ledger) end(t *trouble) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.until = time.Now()
	l.note(t.until, "✓ %s is over", t.kind)
}

// text is the timeline.
func (l *ledger) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := slices.Clone(l.lines)
	return strings.Join(lines, "\n")
}

func phrase(all []message) string {
	var words []string
	for _, m := range all {
		word := "resolved"
		if m.firing {
			word = "firing"
		}
		words = append(words, m.alert.String()+" "+word)
	}
	return strings.Join(words, ", ")
}
