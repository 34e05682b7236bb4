package election

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/third_party/leaderelection/resourcelock"
)

// A candidate reads the Lease every 1 to 2.2 RetryPeriods (client-go adds jitter). A leader that dies is replaced within
// LeaseDuration and two such reads, the one that saw its last renewal and the one that finds the Lease expired: 5.1 s. A leader that
// stops gracefully is replaced within one read: 0.6 s.
const (
	// LeaseDuration is how long candidates wait for a leader that does not renew. A Lease stores it in whole seconds.
	LeaseDuration = 4 * time.Second
	// RenewDeadline is how long a leader leads after its last renewal.
	RenewDeadline = 2500 * time.Millisecond
	// RenewInterval is the minimum time between two renewals. It is a multiple of RetryPeriod, so that no renewal is a period late,
	// and leaves time within the RenewDeadline for a request that times out and for another one.
	RenewInterval = time.Second
	// RetryPeriod is the time between two attempts to acquire the Lease, or to renew it after a failed renewal.
	RetryPeriod = 250 * time.Millisecond
	// maxLeaseDuration bounds how long candidates wait for a leader that does not renew, whatever duration its Lease has.
	maxLeaseDuration = 10 * time.Second
	// requestTimeout bounds one request, so that a request that hangs does not lose the Lease.
	requestTimeout = time.Second
	keepAlive      = 30 * time.Second
)

// Options configure an Elector. Namespace and Name, those of the Lease, are required.
type Options struct {
	Namespace string
	Name      string
	// Identity is the holder identity of this process, and must be unique. Default: the host name and a random suffix.
	Identity string
	// Version is that of this process, for readers of the Lease. Default: none.
	Version string
	// Log receives changes of leader and failures. Default: no log.
	Log *slog.Logger
}

// Elector knows whether this process leads, and may therefore write.
type Elector struct {
	lease       resourcelock.Interface
	log         *slog.Logger
	leadership  atomic.Pointer[leadership] // Nil while this process does not lead.
	transitions atomic.Int64
	// leader is the holder identity that was read last; lastLeader is the last one that was not "", and changes counts how often it changed.
	leader, lastLeader atomic.Pointer[string]
	changes            atomic.Int64
}

// leadership is the time until which this process leads.
type leadership struct{ until time.Time }

// New returns an Elector that leads only while Run runs. It does no I/O. Its requests have a connection of their own, so that they do
// not wait for other requests of this process.
func New(config *rest.Config, options Options) (*Elector, error) {
	if options.Namespace == "" || options.Name == "" {
		return nil, errors.New("a lease needs a namespace and a name")
	}
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.Timeout = requestTimeout
	if config.Dial == nil { // Clients with the same Dial function share a connection, and would delay renewals.
		config.Dial = (&net.Dialer{Timeout: requestTimeout, KeepAlive: keepAlive}).DialContext
	}
	client, err := typed.NewLeases(config, options.Namespace)
	if err != nil {
		return nil, err
	}
	e := &Elector{log: cmp.Or(options.Log, slog.New(slog.DiscardHandler))}
	e.lease = &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: options.Namespace, Name: options.Name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: cmp.Or(options.Identity, newIdentity())},
		Labels:     labelsOf(options.Version),
	}
	return e, nil
}

func newIdentity() string {
	// The random part is unique without a host name, which is there for readers.
	host, _ := os.Hostname()
	return host + "_" + string(uuid.NewUUID())
}

// IsLeader reports whether this process leads at now, which must come from time.Now: it is compared by monotonic time.
func (e *Elector) IsLeader(now time.Time) bool { return now.Before(e.Deadline()) }

// Deadline returns the time at which this process stops leading unless it renews the Lease before; a write must have ended by then.
// It is the zero time while this process does not lead.
func (e *Elector) Deadline() time.Time {
	if o := e.leadership.Load(); o != nil {
		return o.until
	}
	return time.Time{}
}

// ErrNotLeading is returned for a write while this process does not lead, or no longer does.
var ErrNotLeading = errors.New("another process may be the leader now: nothing is written")

// Leading returns a context that ends at the present Deadline, or ErrNotLeading if this process does not lead. The context has no cause: over
// HTTP/1.1, net/http returns the cause of a deadline instead of context.DeadlineExceeded, and a timeout would not be known as one (Go 1.26.8).
func (e *Elector) Leading(ctx context.Context) (context.Context, context.CancelFunc, error) {
	return until(ctx, e.Deadline())
}

func until(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc, error) {
	if !time.Now().Before(deadline) {
		return nil, nil, ErrNotLeading
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	return ctx, cancel, nil
}

// Within calls write with a context that ends at a Deadline. It returns ErrNotLeading, without a call, if that has passed.
func Within(ctx context.Context, deadline time.Time, write func(context.Context) error) error {
	ctx, cancel, err := until(ctx, deadline)
	if err != nil {
		return err
	}
	defer cancel()
	return write(ctx)
}

// WhileLeading calls write as Within does, with the present Deadline.
func (e *Elector) WhileLeading(ctx context.Context, write func(context.Context) error) error {
	return Within(ctx, e.Deadline(), write)
}

// Transitions returns the number of changes of leader, as of when this process last led. While it stays the same, no other process
// has led in between.
func (e *Elector) Transitions() int64 { return e.transitions.Load() }

// Leader returns the identity of the leader as of the last read of the Lease, a few RetryPeriods ago at most while Run runs and the
// API server answers. It is "" if there is no leader, or none is known.
func (e *Elector) Leader() string {
	if holder := e.leader.Load(); holder != nil {
		return *holder
	}
	return ""
}

// observeLeader records the holder identity of the Lease.
func (e *Elector) observeLeader(holder string) {
	e.leader.Store(&holder)
	if holder == "" {
		return
	}
	if last := e.lastLeader.Swap(&holder); last != nil && *last != holder {
		e.changes.Add(1)
	}
}

// Changes returns how often this process has seen another process lead than before. A Lease that is released, and acquired by the same
// process, is no change.
func (e *Elector) Changes() int64 { return e.changes.Load() }

// Identity returns the identity with which this process holds the Lease.
func (e *Elector) Identity() string { return e.lease.Identity() }
