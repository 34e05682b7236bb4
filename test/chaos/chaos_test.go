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

func TestChaos(t *testing.T) {
	t.Parallel()
	t.Run("no alert is lost, whatever breaks", testNoAlertIsLostWhateverBreaks)
}

// The default seeds together break every part; so few others rarely do.
const defaultSeeds, defaultFirst = 3, 1211

var (
	seeds        = flag.Int("seeds", defaultSeeds, "number of seeds to run")
	first        = flag.Uint64("seed", defaultFirst, "first seed")
	showTimeline = flag.Bool("timeline", false, "print the timeline of seeds that pass, too")
	outages      = flag.Bool("outages", false, "also stop the API server of the sandbox, which no other test may use then")
)

const (
	// convergeTimeout is how long the counts may take to be right once nothing changes and no fault is active.
	convergeTimeout = testkit.Timeout
	// steadyFor is how long they must then stay right.
	steadyFor = 2500 * time.Millisecond
	// maxMemory is the memory that an Impulse may use, in bytes.
	maxMemory = 200 << 20
	// One in outageEvery seeds stops the API server.
	outageEvery = 10
)

// root is the repository's root.
const root = "../.."

// sharedPlane is locked for writing by a seed that stops the API server, and for reading by every other one.
var sharedPlane sync.RWMutex

func TestMain(m *testing.M) { os.Exit(sandbox.Main(m)) }

// testNoAlertIsLostWhateverBreaks runs the seeds, several at a time.
func testNoAlertIsLostWhateverBreaks(t *testing.T) {
	t.Parallel()
	for i := range uint64(*seeds) {
		seed := *first + i
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			runSeed(t, seed)
		})
	}
}

// runSeed runs one seed.
func runSeed(t *testing.T, seed uint64) {
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
	runPlan(t, p)
}

// runPlan runs a plan.
func runPlan(t *testing.T, p *plan) {
	t.Helper()
	e := build(t, p)
	defer e.report()
	e.ledger.start()
	var all sync.WaitGroup
	all.Go(func() { e.injectFaults(t.Context()) })
	all.Go(func() { e.runChanges(t.Context()) })
	all.Wait()
	e.ledger.log("everything is mended")
	e.awaitCounts()
	v := &timelineCheck{e.ledger, e.policies, p.objects}
	v.mu.Lock()
	v.checkWrites()
	v.checkTenants()
	judged := v.checkLatency()
	v.mu.Unlock()
	e.inspect()
	if *showTimeline {
		t.Log(p, "\n", v.text())
	}
	t.Logf("%d deliveries, %d writes, %d faults; %d acceptances judged by the clock", len(v.deliveries), len(v.writes), len(v.faults), judged)
}

// runChanges applies all changes of the plan, each at its time.
func (e *env) runChanges(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range e.plan.changes {
		if !e.waitUntil(ctx, c.at) {
			return
		}
		switch c.what {
		case "alert":
			e.truth.toggle(alertID{c.object.name, c.instance})
		case "copy":
			all.Go(func() { e.repeat(ctx, c.n) })
		case "publish":
			all.Go(func() { e.withTimeout(ctx, func(ctx context.Context) { e.queues.publish(ctx, c.object.name, c.n) }) })
		case "drain":
			all.Go(func() { e.withTimeout(ctx, func(ctx context.Context) { e.queues.drain(ctx, c.object.name, c.n) }) })
		case "query":
			e.metrics.set(c.object.name, c.n)
			e.ledger.log("%s: the query is %d", c.object.name, c.n)
		}
	}
}

// withTimeout calls do with a timeout, because nats-server may not answer.
func (e *env) withTimeout(ctx context.Context, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	do(ctx)
}

// awaitCounts waits until all counts are those that the core decides for the true levels, and stay so.
func (e *env) awaitCounts() {
	e.t.Helper()
	since := time.Time{}
	var wrong error
	err := process.WaitFor(e.t.Context(), convergeTimeout, "all counts are right", func(ctx context.Context) (bool, error) {
		if now := e.checkCounts(ctx); now != nil && ctx.Err() == nil {
			since, wrong = time.Time{}, now
			return false, nil
		}
		if since.IsZero() {
			since = time.Now()
		}
		return time.Since(since) > steadyFor, nil
	})
	if err != nil {
		e.ledger.fail("%v: %v", err, wrong)
		return
	}
	e.ledger.log("everything is right")
}

// checkCounts returns the counts that differ from those that the core decides for the true levels.
func (e *env) checkCounts(ctx context.Context) error {
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
		if want := e.policies[o.name].finalCount(l, n); n != want {
			wrong = append(wrong, fmt.Errorf("%s has %d replicas, and the core says %d for %+v", o.name, n, want, l))
		}
	}
	return errors.Join(wrong...)
}

var resident = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)

// inspect checks the Impulses themselves: their memory, their logs, and their exit codes.
func (e *env) inspect() {
	err := process.WaitFor(e.t.Context(), startTimeout, "all impulses are ready", func(ctx context.Context) (bool, error) {
		return e.ready(ctx), nil // One of them may have been started just before.
	})
	if err != nil {
		e.ledger.fail("%v", err)
	}
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
		for _, alarm := range p.fatalMessages() {
			e.ledger.fail("%s", alarm)
		}
	}
}

// report fails the test when something was wrong, with the plan and the timeline.
func (e *env) report() {
	e.t.Helper()
	if len(e.ledger.wrong) == 0 {
		return
	}
	for _, wrong := range e.ledger.wrong {
		e.t.Error(wrong)
	}
	e.t.Logf("seed %d; to replay: make chaos SEEDS=1 SEED=%d\n%s\n%s", e.plan.seed, e.plan.seed, e.plan, e.ledger.text())
}
