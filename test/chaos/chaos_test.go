package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
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

// suite is what all seeds share.
var suite struct {
	impulse, kubeconfig string
	// plane is held for writing by a seed that stops the API server.
	plane sync.RWMutex
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := setUp(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		code = 1
	}
	os.Exit(code)
}

// setUp builds Impulse once, makes its kinds known and runs the tests.
func setUp(m *testing.M) (int, error) {
	bin := os.Getenv("IMPULSE_SANDBOX_BIN")
	if suite.kubeconfig = os.Getenv("IMPULSE_SANDBOX_KUBECONFIG"); bin == "" || suite.kubeconfig == "" {
		return 0, errors.New("there is no control plane to test against: run `make test` or `make chaos`")
	}
	dir, err := os.MkdirTemp("", "impulse-chaos-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if suite.impulse, err = process.Build(ctx, dir, "impulse", "../..", "./cmd/impulse"); err != nil {
		return 0, err
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-f", "../../deploy/crds"},
		{"wait", "--for=condition=Established", "--timeout=60s", "-f", "../../deploy/crds"},
	} {
		args = append([]string{"--kubeconfig", suite.kubeconfig}, args...)
		if out, err := process.Run(ctx, filepath.Join(bin, "kubectl"), args...); err != nil {
			return 0, fmt.Errorf("make the kinds known: %w\n%s", err, out)
		}
	}
	return m.Run(), nil
}

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
		suite.plane.Lock()
		defer suite.plane.Unlock()
	} else {
		suite.plane.RLock()
		defer suite.plane.RUnlock()
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
	w := build(t, p)
	defer w.explain()
	w.ledger.start()
	var all sync.WaitGroup
	all.Go(func() { w.misfortune(t.Context()) })
	all.Go(func() { w.happen(t.Context()) })
	all.Wait()
	w.ledger.say("everything is mended")
	w.settle()
	v := &verdict{w.ledger, w.policies, p.objects}
	v.mu.Lock()
	v.writesAreNeverTooLow()
	v.aTenantKeepsNobodyOut()
	judged := v.acceptedIsPrompt()
	v.mu.Unlock()
	w.inspect()
	if *tell {
		t.Log(p, "\n", v.text())
	}
	t.Logf("%d deliveries, %d writes, %d faults; %d acceptances judged by the clock", len(v.deliveries), len(v.writes), len(v.troubles), judged)
}

// happen lets all changes of the plan happen.
func (w *world) happen(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range w.plan.changes {
		if !w.at(ctx, c.at) {
			return
		}
		switch c.what {
		case "alert":
			w.truth.turn(alertID{c.object.name, c.instance})
		case "copy":
			all.Go(func() { w.repeat(ctx, c.n) })
		case "publish":
			all.Go(func() { w.bounded(ctx, func(ctx context.Context) { w.queues.publish(ctx, c.object.name, c.n) }) })
		case "drain":
			all.Go(func() { w.bounded(ctx, func(ctx context.Context) { w.queues.drain(ctx, c.object.name, c.n) }) })
		case "query":
			w.metrics.set(c.object.name, c.n)
			w.ledger.say("%s: the query is %d", c.object.name, c.n)
		}
	}
}

// bounded gives up when nats-server does not answer.
func (w *world) bounded(ctx context.Context, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	do(ctx)
}

// settle waits until all counts are what the core says for what is true, and stay so.
func (w *world) settle() {
	w.t.Helper()
	since := time.Time{}
	var wrong error
	err := process.WaitFor(w.t.Context(), rest, "all counts are right", func(ctx context.Context) (bool, error) {
		if now := w.right(ctx); now != nil && ctx.Err() == nil {
			since, wrong = time.Time{}, now
			return false, nil
		}
		if since.IsZero() {
			since = time.Now()
		}
		return time.Since(since) > calm, nil
	})
	if err != nil {
		w.ledger.fail("%v: %v", err, wrong)
		return
	}
	w.ledger.say("everything is right")
}

// right says which counts are not what the core says for what is true.
func (w *world) right(ctx context.Context) error {
	var wrong []error
	for _, o := range w.plan.objects {
		l := levels{firing: w.truth.firing(o.name)}
		if o.query {
			l.query = w.metrics.get(o.name)
		}
		if o.queue {
			var err error
			if l.queue, err = w.queues.level(ctx, o.name); err != nil {
				return err
			}
		}
		n := w.ledger.count(o.name)
		if want := w.policies[o.name].rest(l, n); n != want {
			wrong = append(wrong, fmt.Errorf("%s has %d replicas, and the core says %d for %+v", o.name, n, want, l))
		}
	}
	return errors.Join(wrong...)
}

var resident = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)$`)

// inspect looks at the Impulses themselves: their memory, what they printed, and how they end.
func (w *world) inspect() {
	for i, p := range w.impulses {
		_, text := sendAs(w.t.Context(), ourToken, "GET", w.urls[i]+"/metrics", nil)
		if m := resident.FindStringSubmatch(text); m == nil {
			w.ledger.fail("%s shows no memory", p.name)
		} else if bytes, err := strconv.ParseFloat(m[1], 64); err != nil || bytes > maxMemory {
			w.ledger.fail("%s takes %s bytes", p.name, m[1])
		}
	}
	for _, p := range w.impulses {
		if err := p.stop(); err != nil {
			w.ledger.fail("%v", err)
		}
		for _, alarm := range p.alarms() {
			w.ledger.fail("%s", alarm)
		}
	}
}

// explain fails the test when something was wrong, with all there is to know.
func (w *world) explain() {
	w.t.Helper()
	if len(w.ledger.wrong) == 0 {
		return
	}
	for _, wrong := range w.ledger.wrong {
		w.t.Error(wrong)
	}
	w.t.Logf("seed %d; to replay: make chaos SEEDS=1 SEED=%d\n%s\n%s", w.plan.seed, w.plan.seed, w.plan, w.ledger.text())
}
