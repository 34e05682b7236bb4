// Package triggers is the contract between what happens outside and the decision core: a trigger kind turns one
// source (an alert, a query, a queue, a schedule) into a stream of levels.
//
// The life of a trigger, in order:
//
//  1. Its kind decodes the metadata a user wrote into a typed config: strictly, all mistakes at once, without I/O.
//  2. The config says what its level means (scalers.Trigger): target, activation, exactness.
//  3. Open builds a Source, still without I/O.
//  4. Run reports the level at once and then whenever it may have changed, until its context is done.
package triggers

import (
	"context"
	"net"
	"net/http"
	"time"

	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
)

// Source is one open trigger of one workload.
type Source interface {
	// Run reports the level at once, then whenever it may have changed, until ctx is done; it then returns ctx.Err(). A
	// failed reading is an event with Err set, and Run carries on. Any other return means that this source cannot work
	// as configured; its siblings are not disturbed.
	//
	// Run is called once and owns every goroutine and connection it opens: all are gone when it returns, and emit is not
	// called after that. emit may be called from any goroutine, never blocks and keeps only the latest event.
	Run(ctx context.Context, emit func(scalers.Event)) error
}

// Reader is a source that can only be asked. Poll makes it a Source, so that a polled trigger has no loop, timer or
// goroutine of its own.
type Reader interface {
	// Read returns the level now. ctx carries the deadline of this one reading. The returned error reads as a reason:
	// what was tried and what came instead.
	Read(ctx context.Context) (scalers.Milli, error)
}

// Config is the typed metadata of one trigger. Its struct tags (json, doc) are its schema.
type Config interface {
	// Validate returns every mistake at once, joined with errors.Join, each a *FieldError. It does no I/O.
	Validate() error
	// Trigger says how the level is to be read: metric target, activation value, exact or not. The name and the metric
	// type are filled in by the caller.
	Trigger() scalers.Trigger
}

// Remote is a Config whose source sends its credentials to servers.
type Remote interface {
	// Servers are where they are sent: URLs, or HOST:PORT.
	Servers() []string
}

// Env is what a trigger may use of the process it runs in; it takes nothing else from it. Fields that its kind does
// not need may be zero.
type Env struct {
	// Namespace, Object and Trigger say where the trigger stands, for messages.
	Namespace, Object, Trigger string
	// PollingInterval is how often a polled source is read.
	PollingInterval time.Duration
	// HTTP is the client for outgoing requests. It has no time-out of its own.
	HTTP *http.Client
	// Dial opens every other outgoing connection, to an address that the trigger's author wrote; nil: to any.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Secret returns one parameter of the trigger's authenticationRef, as it is now; "" when the reference does not have
	// it. It is asked at each use, so that a rotated secret is taken up. What it returns is never logged.
	Secret func(ctx context.Context, parameter string) (string, error)
	// Credentials names where Secret reads from, and tells nothing of it: triggers with the same name have the same
	// credentials. It is "" without an authenticationRef.
	Credentials string
	// Now is the clock of the process.
	Now func() time.Time
	// Alerts holds the alerts that were delivered to this process.
	Alerts Alerts
	// Endpoints are where what is sent to this trigger alone comes in.
	Endpoints Endpoints
	// Metric is how the level is read: the metric type of the trigger.
	Metric scalers.Metric
	// Pods returns the target's pods as they are now, in the order of their names. It asks nobody and does not block.
	Pods func() ([]Pod, error)
	// PodMetrics lists what the pods of a namespace use, from the resource metrics API.
	PodMetrics func(ctx context.Context, namespace string) (*metricsv1beta1.PodMetricsList, error)
	// Poller reads polled sources, for all workloads.
	Poller *Poller
	// Pool lends one connection to all triggers that use the same server.
	Pool *Pool
}
