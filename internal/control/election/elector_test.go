package election_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestElector(t *testing.T) {
	t.Parallel()
	t.Run("one elector leads, and the next takes over when it ends", testOneElectorLeadsAndNextTakesOverWhenItEnds)
	t.Run("a process that cannot release the Lease leads no longer", testProcessThatCannotReleaseLeadsNoLonger)
	t.Run("a leader that cannot renew stops and leads again", testLeaderThatCannotRenewStopsAndLeadsAgain)
	t.Run("the next leads only after the first has stopped", testNextLeadsOnlyAfterFirstHasStopped)
	t.Run("it waits for an API server that is unavailable", testItWaitsForAPIServerThatIsUnavailable)
	t.Run("every elector knows the leader", testEveryElectorKnowsLeader)
	t.Run("a missing namespace is reported once", testMissingNamespaceIsReportedOnce)
	t.Run("leading that ends by itself is an error", testLeadingThatEndsByItselfIsError)
	t.Run("a Lease needs a name and a namespace", testLeaseNeedsNameAndNamespace)
}

// term is a Lease in the real API server.
type term struct {
	t         *testing.T
	config    *rest.Config
	namespace string
	log       *slog.Logger // Of the candidates; nil is silent.
	leading   atomic.Int32 // How many write right now.
}

func newElection(t *testing.T) *term {
	t.Helper()
	config := sandbox.Config(t)
	return &term{t: t, config: config, namespace: sandbox.Namespace(t, config)}
}

// candidate is one process.
type candidate struct {
	*election.Elector
	e        *term
	cut      atomic.Bool // Its requests fail: the API server cannot be reached.
	requests atomic.Int32
	leads    atomic.Int32 // How often it has led.
	cancel   context.CancelFunc
	done     chan struct{}
	err      error // Of Run; read after done.
}

// join starts a candidate; it ends with the test.
func (e *term) join(identity string) *candidate {
	e.t.Helper()
	c := e.newCandidate(identity)
	c.start()
	return c
}

// leader starts the candidate a, and waits until it leads.
func (e *term) leader() *candidate {
	e.t.Helper()
	a := e.join("a")
	e.until("a leads", a.hasLed(1))
	return a
}

// pair starts a leader, and a candidate that takes over from it.
func (e *term) pair() (a, b *candidate) {
	e.t.Helper()
	return e.leader(), e.join("b")
}

// awaitSuccessor waits until next leads for the first time. If both lead at once, the test fails.
func (e *term) awaitSuccessor(next, before *candidate) {
	e.t.Helper()
	e.until("the next one leads", func() bool {
		if next.isLeading() && before.isLeading() { // In this order: the one before does not lead again.
			e.t.Error("IsLeader is true for both candidates")
		}
		return next.leads.Load() >= 1
	})
}

// newCandidate returns a candidate that is not started.
func (e *term) newCandidate(identity string) *candidate {
	e.t.Helper()
	c := &candidate{e: e, done: make(chan struct{})}
	config := rest.CopyConfig(e.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return transport{c, next} })
	elector, err := election.New(config, election.Options{Namespace: e.namespace, Name: "impulse", Identity: identity, Log: e.log})
	if err != nil {
		e.t.Fatal(err)
	}
	c.Elector = elector
	return c
}

func (c *candidate) start() {
	ctx, cancel := context.WithCancel(c.e.t.Context())
	c.cancel = cancel
	go func() {
		defer close(c.done)
		c.err = c.Run(ctx, c.lead)
	}()
	c.e.t.Cleanup(func() {
		cancel()
		<-c.done
	})
}

// end ends a candidate. It returns false if that took so long that a request of the release may have timed out.
func (c *candidate) end() (released bool) {
	c.e.t.Helper()
	begin := time.Now()
	c.cancel()
	if <-c.done; c.err != nil {
		c.e.t.Errorf("Run returned error %v, want none", c.err)
	}
	if !c.Deadline().IsZero() {
		c.e.t.Errorf("after Run returned, got the deadline %s, want none", c.Deadline())
	}
	return time.Since(begin) < time.Second
}

// lead counts the leaders: more than one at once fails the test.
func (c *candidate) lead(ctx context.Context) {
	c.leads.Add(1)
	if c.Deadline().IsZero() { // It may have passed on a busy machine.
		c.e.t.Error("there is no deadline at the start of leading")
	}
	if n := c.e.leading.Add(1); n != 1 {
		c.e.t.Errorf("got %d leaders at once, want 1", n)
	}
	<-ctx.Done()
	c.e.leading.Add(-1)
}

func (c *candidate) isLeading() bool { return c.IsLeader(time.Now()) }

// hasLed returns a condition: the candidate leads for the nth time, or for another time because the API server was slow.
func (c *candidate) hasLed(n int32) func() bool {
	return func() bool { return c.leads.Load() >= n && c.isLeading() }
}

// transport is the http.RoundTripper of a candidate. It can be cut.
type transport struct {
	c    *candidate
	next http.RoundTripper
}

func (p transport) RoundTrip(r *http.Request) (*http.Response, error) {
	p.c.requests.Add(1)
	if p.c.cut.Load() {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return p.next.RoundTrip(r)
}

func (e *term) until(what string, cond func() bool) {
	e.t.Helper()
	testkit.Eventually(e.t, what, func(context.Context) bool { return cond() })
}

// holder returns the holder of the Lease; "" if there is none.
func (e *term) holder() string {
	e.t.Helper()
	client, err := coordinationv1.NewForConfig(e.config)
	if err != nil {
		e.t.Fatal(err)
	}
	lease, err := client.Leases(e.namespace).Get(e.t.Context(), "impulse", metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func testOneElectorLeadsAndNextTakesOverWhenItEnds(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a, b := e.pair()
	first := a.Deadline()
	e.until("a renews, or was too slow", func() bool { return a.Deadline().After(first) || b.isLeading() })
	if holder, led := e.holder(), b.leads.Load(); a.isLeading() && a.leads.Load() == 1 && (holder != "a" || led > 0) {
		t.Errorf("b led %d times, holder %q; want a only", led, holder)
	}
	a.end()
	e.until("b leads", b.hasLed(1))
	if b.Transitions() <= a.Transitions() {
		t.Errorf("got %d transitions for b, want more than the %d of a", b.Transitions(), a.Transitions())
	}
}

func testProcessThatCannotReleaseLeadsNoLonger(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a := e.leader()
	a.cut.Store(true)
	a.end()
}

func testLeaderThatCannotRenewStopsAndLeadsAgain(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a := e.leader()
	term := a.Transitions()
	a.cut.Store(true)
	last := a.Deadline()
	e.until("a stops", func() bool { return e.leading.Load() == 0 })
	if now := time.Now(); a.IsLeader(now) || now.Before(a.Deadline()) {
		t.Errorf("after a stopped, got the deadline %s, want one that has passed", a.Deadline())
	}
	if a.Deadline().Sub(last) > election.RenewDeadline {
		t.Errorf("while a was cut off, the deadline moved from %s to %s, want no renewal", last, a.Deadline())
	}
	// The attempts to renew and to release end first: a release that reached the API server would count as a change of leader.
	stopped := a.requests.Load()
	e.until("a campaigns again", func() bool { return a.requests.Load() >= stopped+8 })
	a.cut.Store(false)
	e.until("a leads again", a.hasLed(2))
	if a.leads.Load() == 2 && a.Transitions() != term {
		t.Errorf("although no other process led, got %d transitions, want still %d", a.Transitions(), term)
	}
}

func testNextLeadsOnlyAfterFirstHasStopped(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a, b := e.pair()
	a.cut.Store(true)
	e.awaitSuccessor(b, a)
	a.cut.Store(false)
	b.cancel()
	e.until("a leads again", a.hasLed(2))
}

func testItWaitsForAPIServerThatIsUnavailable(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a := e.newCandidate("a")
	a.cut.Store(true)
	a.start()
	e.until("a tries", func() bool { return a.requests.Load() >= 3 })
	if a.isLeading() {
		t.Error("a leads without an API server")
	}
	a.cut.Store(false)
	e.until("a leads", a.hasLed(1))
	released := a.end()
	if holder := e.holder(); released && holder != "" {
		t.Errorf("after a graceful stop, got the lease holder %q, want none", holder)
	}
}

func testEveryElectorKnowsLeader(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	a := e.join("a")
	if a.Leader() != "" && a.Leader() != "a" {
		t.Errorf("at the start, got the leader %q, want none or a", a.Leader())
	}
	e.until("a leads", a.hasLed(1))
	b := e.join("b")
	e.until("both know that a leads", func() bool { return a.Leader() == "a" && b.Leader() == "a" })
	if a.end() && a.Leader() != "" {
		t.Errorf("after a released the lease, got the leader %q, want none", a.Leader())
	}
	c := e.join("c")
	e.until("both know who leads next", func() bool { return b.Leader() != "a" && b.Leader() != "" && b.Leader() == c.Leader() })
}

func testMissingNamespaceIsReportedOnce(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	e.namespace += "-absent"
	var output bytes.Buffer
	e.log = slog.New(slog.NewTextHandler(&output, nil))
	a := e.join("a")
	e.until("a tries three times", func() bool { return a.requests.Load() >= 6 })
	a.end()
	got := output.String()
	missing, all := strings.Count(got, e.namespace+`\" not found`), strings.Count(got, "\n")
	late := strings.Count(strings.ToLower(got), "timeout") // A request that times out changes the reason.
	if missing == 0 || missing > 1+late || all > missing+late {
		t.Errorf("the log is\n%swant one line: that the namespace is not found", got)
	}
}

func testLeadingThatEndsByItselfIsError(t *testing.T) {
	t.Parallel()
	e := newElection(t)
	elector, err := election.New(e.config, election.Options{Namespace: e.namespace, Name: "impulse"})
	if err != nil {
		t.Fatal(err)
	}
	if err := elector.Run(t.Context(), func(context.Context) {}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error with the reason", err)
	}
}

func testLeaseNeedsNameAndNamespace(t *testing.T) {
	t.Parallel()
	for _, o := range []election.Options{{}, {Namespace: "a"}, {Name: "a"}} {
		if _, err := election.New(&rest.Config{}, o); err == nil {
			t.Errorf("%+v: want an error", o)
		}
	}
}
