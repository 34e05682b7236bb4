package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// span is the time in which changes and faults begin.
const span = 9 * time.Second

// plan is all that a seed determines.
type plan struct {
	seed     uint64
	impulses int
	objects  []*object
	changes  []change
	faults   []fault
}

// change is one change of an alert, a queue or a query.
type change struct {
	at     time.Duration
	object *object
	// what is alert, publish, drain, query or copy: an old delivery that arrives again.
	what     string
	instance string
	n        int
}

// String returns the text for the plan.
func (c change) String() string {
	return fmt.Sprintf("%s %s %s%s %d", stamp(c.at), c.what, c.object.name, c.instance, c.n)
}

// fault is one fault, from at for length. Its kind is PART HOW, such as "leader kill".
type fault struct {
	at, length time.Duration
	kind       string
	// which is the index of the part, or theLeaders.
	which int
	delay time.Duration
}

// theLeaders is the connection of the process that leads when the fault begins; only for the parts api and peer.
const theLeaders = -1

// String returns the text for the plan.
func (f fault) String() string {
	text := fmt.Sprintf("%s for %s: %s %d", stamp(f.at), f.length, f.kind, f.which)
	if f.delay > 0 {
		text += fmt.Sprintf(" by %s", f.delay)
	}
	return text
}

func stamp(d time.Duration) string { return fmt.Sprintf("%8.3fs", d.Seconds()) }

// newPlan draws a plan.
func newPlan(seed uint64, outages bool) (*plan, error) {
	r := rand.New(rand.NewPCG(seed, 4))
	p := &plan{seed: seed, impulses: 2 + r.IntN(2)}
	for i, kind := range kinds {
		o := &object{name: fmt.Sprintf("app-%d", i), start: int32(r.IntN(4))}
		kind(r, o)
		p.objects = append(p.objects, o)
	}
	for range 70 {
		p.changes = append(p.changes, p.change(r))
	}
	if outages {
		p.faults = append(p.faults, fault{at: between(r, 1, 4), length: between(r, 1, 4), kind: "api down"})
	}
	switch r.IntN(6) { // Long enough for another one to lead, and to do something.
	case 0, 1:
		p.faults = append(p.faults, fault{at: between(r, 1, 2), length: between(r, 6, 8), kind: "leader freeze"})
	case 2:
		p.faults = append(p.faults, fault{at: between(r, 1, 2), length: between(r, 5.5, 7.5), kind: "api stall", which: theLeaders})
	}
	for range 2 + r.IntN(7) {
		p.faults = append(p.faults, p.fault(r))
	}
	for range 8 { // Late copies, when there is something that may be copied.
		c := change{at: between(r, span.Seconds()/2, span.Seconds()), object: p.objects[0], what: "copy", n: r.IntN(1000)}
		p.changes = append(p.changes, c)
	}
	slices.SortFunc(p.changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	slices.SortFunc(p.faults, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return p, nil
}

// between draws a time between two numbers of seconds, in whole milliseconds.
func between(r *rand.Rand, from, to float64) time.Duration {
	return time.Duration((from+r.Float64()*(to-from))*1000) * time.Millisecond
}

func (p *plan) change(r *rand.Rand) change {
	for {
		c := change{at: between(r, 0, span.Seconds()), object: p.objects[r.IntN(len(p.objects))]}
		switch n := r.IntN(10); {
		case n < 6 && c.object.alerts:
			c.what, c.instance = "alert", instances[min(r.IntN(4), r.IntN(4), len(instances)-1)]
		case n == 6 && c.at > span/3:
			c.what, c.n = "copy", r.IntN(1000)
		case n < 9 && c.object.queue:
			c.what, c.n = []string{"publish", "drain"}[r.IntN(2)], 1+r.IntN(40)
		case c.object.query:
			c.what, c.n = "query", r.IntN(90)
		default:
			continue
		}
		return c
	}
}

// faultKinds are the kinds of faults, some more often than others, and how long they last, in seconds.
var faultKinds = []struct {
	kind     string
	weight   int
	from, to float64
	delay    bool
}{
	{"leader kill", 3, 0.1, 2, false},
	{"leader kill on acceptance", 4, 0.1, 2, true},
	{"leader freeze", 2, 0.2, 4, false},
	{"follower kill", 1, 0.1, 2, false},
	{"follower freeze", 1, 0.2, 4, false},
	{"api cut", 2, 0.2, 5, false},
	{"api stall", 2, 0.2, 5, false},
	{"api slow", 3, 0.5, 3, true},
	{"api away", 1, 0.2, 4, false},
	{"peer cut", 1, 0.2, 3, false},
	{"peer stall", 1, 0.2, 3, false},
	{"peer slow", 1, 0.5, 3, true},
	{"alertmanager kill", 2, 0.1, 2, false},
	{"alertmanager freeze", 2, 0.2, 3, false},
	{"gossip cut", 2, 0.5, 4, false},
	{"endpoint cut", 2, 0.2, 3, false},
	{"endpoint stall", 2, 0.2, 3, false},
	{"endpoint slow", 2, 0.5, 3, true},
	{"endpoint unanswered", 2, 0.2, 2, false},
	{"nats kill", 1, 0.1, 2, false},
	{"nats freeze", 1, 0.2, 3, false},
	{"nats cut", 1, 0.2, 3, false},
	{"nats slow", 1, 0.5, 3, true},
	{"prometheus kill", 1, 0.1, 2, false},
	{"prometheus freeze", 1, 0.2, 3, false},
	{"prometheus cut", 1, 0.2, 3, false},
	{"prometheus slow", 1, 0.5, 3, true},
	{"tenant flood", 1, 1, 4, false},
	{"tenant drip", 1, 1, 4, false},
	{"tenant storm", 1, 1, 4, false},
	{"tenant sources", 1, 2, 5, false},
}

func (p *plan) fault(r *rand.Rand) fault {
	total := 0
	for _, m := range faultKinds {
		total += m.weight
	}
	n := r.IntN(total)
	for _, m := range faultKinds {
		if n -= m.weight; n >= 0 {
			continue
		}
		f := fault{at: between(r, 0.5, span.Seconds()-0.5), length: between(r, m.from, m.to), kind: m.kind, which: r.IntN(3)}
		if m.delay {
			f.delay = between(r, 0.02, 0.7)
		}
		if f.kind == "alertmanager kill" {
			f.which %= peers - 1 // One is never killed: three that were would have lost their alerts.
		}
		return f
	}
	panic("the weights do not add up")
}

// String returns the whole plan as text.
func (p *plan) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d impulses\n", p.impulses)
	for _, o := range p.objects {
		fmt.Fprintf(&out, "%s, at first %d:\n  %s\n", o.name, o.start, strings.ReplaceAll(strings.TrimSpace(o.spec), "\n", "\n  "))
	}
	for _, f := range p.faults {
		fmt.Fprintln(&out, f)
	}
	return out.String()
}
