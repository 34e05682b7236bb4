package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// The short form breaks every part; so few seeds rarely do.
const shortForm, shortFirst = 3, 1211

var (
	seeds   = flag.Int("seeds", shortForm, "number of seeds to live through")
	first   = flag.Uint64("seed", shortFirst, "the first of them")
	tell    = flag.Bool("timeline", false, "show what happened, of seeds that pass as well")
	outages = flag.Bool("outages", false, "stop the sandbox's API server, too: nobody else may need it")
)

const (
	// rest is how long everything may take to be right once nothing changes and everything is mended.
	rest = 40 * time.Second
	// calm is how long it then has to stay so.
	calm = 2500 * time.Millisecond
	// maxMemory bounds an Impulse, in bytes.
	maxMemory = 200 << 20
	// outageEvery is one in how many seeds stops the API server.
	outageEvery = 10
)

// root is the repository's root.
const root = "../.."

// sharedPlane is held for writing by a seed that stops the API server, and for reading by every other one.
var sharedPlane sync.RWMutex

func TestMain(m *testing.M) { os.Exit(sandbox.Main(m)) }

// TestNothingIsLostWhateverBreaks lives through seeds, several at a time.
func TestNothingIsLostWhateverBreaks(t *testing.T) {
	t.Parallel()
	for i := range uint64(*seeds) {
		seed := *first + i
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			live(t, seed)
		})
	}
}

// live lives through one seed.
func live(t *testing.T, seed uint64) {
	t.Helper()
	alone := *outages && seed%outageEvery == 0
	if alone {
		sharedPlane.Lock()
		defer sharedPlane.Unlock()
	} else {
		sharedPlane.RLock()
		defer sharedPlane.RUnlock()
	}
	p, err := newPlan(seed, alone)
	if err != nil {
		t.Fatal(err)
	}
	liveThrough(t, p)
}

// liveThrough lives through a plan.
func liveThrough(t *testing.T, p *plan) {
	t.Helper()
	e := build(t, p)
	defer e.explain()
	e.ledger.start()
	var all sync.WaitGroup
	all.Go(func() { e.misfortune(t.Context()) })
	all.Go(func() { e.happen(t.Context()) })
	all.Wait()
	e.ledger.say("everything is mended")
	e.settle()
	v := &verdict{e.ledger, e.policies, p.objects}
	v.mu.Lock()
	v.writesAreNeverTooLow()
	v.aTenantKeepsNobodyOut()
	judged := v.acceptedIsPrompt()
	v.mu.Unlock()
	e.inspect()
	if *tell {
		t.Log(p, "\n", v.text())
	}
	t.Logf("%d deliveries, %d writes, %d faults; %d acceptances judged by the clock", len(v.deliveries), len(v.writes), len(v.troubles), judged)
}

// happen lets all changes of the plan happen.
func (e *env) happen(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range e.plan.changes {
		if !e.at(ctx, c.at) {
			return
		}
		switch c.what {
		case "alert":
			e.truth.turn(alertID{c.object.name, c.instance})
		case "copy":
			all.Go(func() { e.repeat(ctx, c.n) })
		case "publish":
			all.Go(func() { e.bounded(ctx, func(ctx context.Context) { e.queues.publish(ctx, c.object.name, c.n) }) })
		case "drain":
			all.Go(func() { e.bounded(ctx, func(ctx context.Context) { e.queues.drain(ctx, c.object.name, c.n) }) })
		case "query":
			e.metrics.set(c.object.name, c.n)
			e.ledger.say("%s: the query is %d", c.object.name, c.n)
		}
	}
}

// bounded gives up when nats-server does not answer.
func (e *env) bounded(ctx context.Context, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	do(ctx)
}

// settle waits until all counts are what the core says for what is true, and stay so.
func (e *env) settle() {
	e.t.Helper()
	since := time.Time{}
	var wrong error
	err := process.WaitFor(e.t.Context(), rest, "all counts are right", func(ctx context.Context) (bool, error) {
		if now := e.right(ctx); now != nil && ctx.Err() == nil {
			since, wrong = time.Time{}, now
			return false, nil
		}
		if since.IsZero() {
			since = time.Now()
		}
		return time.Since(since) > calm, nil
	})
	if err != nil {
		e.ledger.fail("%v: %v", err, wrong)
		return
	}
	e.ledger.say("everything is right")
}

// right says which counts are not what the core says for what is true.
func (e *env) right(ctx context.Context) error {
	var wrong []error
	for _, o := range e.plan.objects {
		l := levels{firing: e.truth.firing(o.name)}
		if o.query {
			l.query = e.metrics.get(o.name)
		}
		if o.queue {
			var err error
			if l.queue, err = e.queues.level(ctx, o.name); err != nil {
				return err
			}
		}
		n := e.ledger.count(o.name)
		if want := e.policies[o.name].rest(l, n); n != want {
			wrong = append(wrong, fmt.Errorf("%s has %d replicas, and the core says %d for %+v", o.name, n, want, l))
		}
	}
	return errors.Join(wrong...)
}

var resident = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)

// inspect looks at the Impulses themselves: their memory, what they printed, and how they end.
func (e *env) inspect() {
	for i, p := range e.impulses {
		_, text := testkit.Request(e.t.Context(), http.MethodGet, e.urls[i]+"/metrics", ourToken, nil)
		if m := resident.FindStringSubmatch(text); m == nil {
			e.ledger.fail("%s shows no memory", p.name)
		} else if bytes, err := strconv.ParseFloat(m[1], 64); err != nil || bytes > maxMemory {
			e.ledger.fail("%s takes %s bytes", p.name, m[1])
		}
	}
	for _, p := range e.impulses {
		if err := p.stop(); err != nil {
			e.ledger.fail("%v", err)
		}
		for _, alarm := range p.alarms() {
			e.ledger.fail("%s", alarm)
		}
	}
}

// explain fails the test when something was wrong, with all there is to know.
func (e *env) explain() {
	e.t.Helper()
	if len(e.ledger.wrong) == 0 {
		return
	}
	for _, wrong := range e.ledger.wrong {
		e.t.Error(wrong)
	}
	e.t.Logf("seed %d; to replay: make chaos SEEDS=1 SEED=%d\n%s\n%s", e.plan.seed, e.plan.seed, e.plan, e.ledger.text())
}
