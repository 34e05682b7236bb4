// Package election holds a Lease before the first write, so that a rolling update never has two writers.
//
// The candidate that holds the Lease leads until its renew deadline, counted by monotonic time from before the last
// renewal was sent, hence earlier than anybody else counts it. Nobody else may take the Lease for another second and a half:
// a write that is checked against the Gate, with the request's time-out inside the deadline, is over by then.
package election

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How long things take. A candidate reads the Lease after 1 to 2.2 RetryPeriods, as client-go spreads that. A leader that dies
// is replaced within LeaseDuration and two such reads, the one that saw its last renewal and the one that finds it expired:
// 5.1 s. One that stops gracefully is replaced within one read: 0.6 s.
const (
	// LeaseDuration is how long others wait for a leader that does not renew. The Lease has it in whole seconds.
	LeaseDuration = 4 * time.Second
	// RenewDeadline is how long a leader leads after its last renewal.
	RenewDeadline = 2500 * time.Millisecond
	// RenewInterval is the least time between two renewals. Four RetryPeriods make one, so that none is a period late, and what is
	// left until the RenewDeadline bears a request that hangs until its time-out, and the next one.
	RenewInterval = time.Second
	// RetryPeriod is the time between attempts to lead, and to renew after a renewal that failed.
	RetryPeriod = 250 * time.Millisecond
	// maxLeaseDuration bounds how long a leader that is not seen to renew is waited for, whatever its Lease says.
	maxLeaseDuration = 10 * time.Second
	// requestTimeout keeps one request that hangs from costing the Lease.
	requestTimeout = time.Second
	keepAlive      = 30 * time.Second
)

// Options name the Lease and who wants it.
type Options struct {
	Namespace string
	Name      string
	// Identity must be different for each process; by default it is the host's name and something random.
	Identity string
	// Log hears who leads. Silent by default.
	Log *slog.Logger
}

// Elector says whether this process may write. It is closed but while Run leads.
type Elector struct {
	lease       resourcelock.Interface
	log         *slog.Logger
	leadership  atomic.Pointer[leadership] // Nil when closed.
	transitions atomic.Int64
	// leader is who holds the Lease, as it was seen last.
	leader atomic.Pointer[string]
}

// leadership is until when the Gate is open.
type leadership struct{ until time.Time }

// New returns a closed Gate. It does no I/O. Its requests have a connection of their own, and wait for no others of this process.
func New(config *rest.Config, options Options) (*Elector, error) {
	if options.Namespace == "" || options.Name == "" {
		return nil, errors.New("a lease needs a namespace and a name")
	}
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.Timeout = requestTimeout
	if config.Dial == nil { // Clients that dial alike share one connection, and whatever is sent by it would be in the way.
		config.Dial = (&net.Dialer{Timeout: requestTimeout, KeepAlive: keepAlive}).DialContext
	}
	client, err := coordinationv1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of the lease: %w", err)
	}
	e := &Elector{log: cmp.Or(options.Log, slog.New(slog.DiscardHandler))}
	e.lease = &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: options.Namespace, Name: options.Name},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: cmp.Or(options.Identity, newIdentity())},
	}
	return e, nil
}

func newIdentity() string {
	// Without a name the random part is enough; the name is for people.
	host, _ := os.Hostname()
	return host + "_" + string(uuid.NewUUID())
}

// IsLeader reports whether this process may send a write at now, which must come from time.Now: it is compared by
// monotonic time.
func (e *Elector) IsLeader(now time.Time) bool { return now.Before(e.Deadline()) }

// Deadline is when this process stops leading unless it renews until then; a write must be over by then. It is zero when
// it does not lead.
func (e *Elector) Deadline() time.Time {
	if o := e.leadership.Load(); o != nil {
		return o.until
	}
	return time.Time{}
}

// Transitions counts the changes of leader as of when this process last led: as long as it stays the same, nobody else has led
// in between.
func (e *Elector) Transitions() int64 { return e.transitions.Load() }

// Leader is the identity of who holds the Lease, as it was seen last: not longer ago than some RetryPeriods while the API
// server answers and Run runs. It is "" when nobody does, or nothing is known.
func (e *Elector) Leader() string {
	if holder := e.leader.Load(); holder != nil {
		return *holder
	}
	return ""
}

// Identity is the name under which this process holds the Lease.
func (e *Elector) Identity() string { return e.lease.Identity() }
