package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// alertID is one alert: an instance of an object's alert.
type alertID struct{ object, instance string }

// String returns the text for the timeline.
func (a alertID) String() string { return a.object + a.instance }

// message is one alert in the body of a request.
type message struct {
	alert        alertID
	firing       bool
	starts, ends time.Time
}

// sentMessage is one alert that was sent to an Impulse.
type sentMessage struct {
	message

	sent time.Time
	// accepted is the time of the 2xx, zero without one; leader is the leader at that time.
	accepted time.Time
	leader   int
}

// write is an observed change of a Deployment's count.
type write struct {
	object   string
	from, to int32
	at       time.Time
}

// activeFault is a fault with the times at which it really began and ended.
type activeFault struct {
	fault

	// impulse is the one that it affects, itself or on its way to the API server; all when negative.
	impulse     int
	from, until time.Time
	// counts are the counts of the Deployments when it began.
	counts map[string]int32
}

// everyImpulse stands for all Impulses.
const everyImpulse = -1

// mayDelay reports whether the fault can delay a write after an acceptance by an Impulse, or by any.
func (t *activeFault) mayDelay(impulse int) bool {
	kind, _, _ := strings.Cut(t.kind, " ")
	if kind != "leader" && kind != "follower" && kind != "api" {
		return false
	}
	return impulse == everyImpulse || t.impulse == everyImpulse || t.impulse == impulse
}

// delaysMessages reports whether messages that were sent before the fault may arrive after it.
func (t *activeFault) delaysMessages() bool {
	return t.kind == "leader freeze" || t.kind == "follower freeze" || t.kind == "api stall"
}

// value is the lowest possible value of a queue or a query from an instant on.
type value struct {
	object string
	at     time.Time
	least  int
}

// refusal is a response other than 2xx to a delivery; code is 0 without a response.
type refusal struct {
	at   time.Time
	by   string
	code int
}

// bareWrite is the time from a bare write to its observation: the time that the machine itself needs.
type bareWrite struct {
	at   time.Time
	took time.Duration
}

// ledger is the timeline of one seed.
type ledger struct {
	mu         sync.Mutex
	began      time.Time
	lines      []string
	deliveries []*sentMessage
	writes     []write
	faults     []*activeFault
	values     []value
	bareWrites []bareWrite
	refusals   []refusal
	counts     map[string]int32
	leader     int
	wrong      []string
	// onWrite is called with each write; it may be nil.
	onWrite func(write)
}

func newLedger() *ledger { return &ledger{began: time.Now(), counts: map[string]int32{}} }

// start begins the time of the plan.
func (l *ledger) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
}

// log adds a line to the timeline.
func (l *ledger) log(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logLocked(time.Now(), format, args...)
}

// logLocked is like log; the caller must hold mu.
func (l *ledger) logLocked(at time.Time, format string, args ...any) {
	l.lines = append(l.lines, stamp(at.Sub(l.began))+" "+fmt.Sprintf(format, args...))
}

// fail records an error.
func (l *ledger) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, stamp(time.Since(l.began))+" "+fmt.Sprintf(format, args...))
}

// send records messages that are sent.
func (l *ledger) send(name string, all []message) []*sentMessage {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var sent []*sentMessage
	for _, m := range all {
		sent = append(sent, &sentMessage{message: m, sent: now})
	}
	l.deliveries = append(l.deliveries, sent...)
	l.logLocked(now, "%s sends %s", name, phrase(all))
	return sent
}

// accept records that messages got a 2xx.
func (l *ledger) accept(by string, sent []*sentMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, d := range sent {
		d.accepted, d.leader = now, l.leader
	}
	l.logLocked(now, "%s has accepted it", by)
}

// refuse records that a delivery was not accepted.
func (l *ledger) refuse(by string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.refusals = append(l.refusals, refusal{now, by, code})
	l.logLocked(now, "%s: %d", by, code)
}

// recordLeader records the leader.
func (l *ledger) recordLeader(leader int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if leader != l.leader {
		l.logLocked(time.Now(), "impulse-%d leads", leader)
	}
	l.leader = leader
}

// leading returns the leader.
func (l *ledger) leading() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader
}

// onEachWrite sets the function that is called with each write from now on.
func (l *ledger) onEachWrite(onWrite func(write)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onWrite = onWrite
}

// recordCount records the count of a Deployment.
func (l *ledger) recordCount(object string, n int32) {
	l.mu.Lock()
	from, known := l.counts[object]
	l.counts[object] = n
	w := write{object, from, n, time.Now()}
	changed, onWrite := known && from != n, l.onWrite
	if changed {
		l.writes = append(l.writes, w)
		l.logLocked(w.at, "  %s: %d → %d", object, from, n)
	}
	l.mu.Unlock()
	if changed && onWrite != nil {
		onWrite(w)
	}
}

// count returns the last observed count of a Deployment.
func (l *ledger) count(object string) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[object]
}

// recordValue records the lowest possible value of a queue or a query from now on.
func (l *ledger) recordValue(object string, least int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values = append(l.values, value{object, time.Now(), least})
}

// recordBareWrite records the time of a bare write.
func (l *ledger) recordBareWrite(at time.Time, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bareWrites = append(l.bareWrites, bareWrite{at, took})
}

// begin records the start of a fault.
func (l *ledger) begin(f fault, part string, impulse int) *activeFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &activeFault{fault: f, impulse: impulse, from: time.Now(), counts: maps.Clone(l.counts)}
	l.faults = append(l.faults, t)
	l.logLocked(t.from, "✗ %s (%s)", f.kind, part)
	return t
}

// end records the end of a fault.
func (l *ledger) end(t *activeFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.until = time.Now()
	l.logLocked(t.until, "✓ %s is over", t.kind)
}

// text returns the timeline.
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
