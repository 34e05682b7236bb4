package triggers

import (
	"context"
	"net"
	"net/http"
	"time"

	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
)

// Source is one open trigger of one workload.
type Source interface {
	// Run reports the level once at the start and again whenever it may have changed. It returns ctx.Err() when ctx is done. After
	// a failed reading it emits an event with Err and continues. Any other return means that the source cannot work as
	// configured; the other triggers of the workload are not affected.
	//
	// Run is called once. It owns every goroutine and connection that it opens: all have ended when it returns, and it does not
	// call emit afterwards. emit may be called from any goroutine. It never blocks, and only the latest event is used.
	Run(ctx context.Context, emit func(scalers.Event)) error
}

// Passive is implemented by a Source that needs no goroutine of its own, because something that many triggers share calls emit: the
// Poller, a watch, or a queue of deadlines. A process with ten thousand objects then needs no goroutine for each trigger.
type Passive interface {
	Source
	// Start is like Run, but returns at once. An error means that the source cannot work as configured. stop ends the source: it waits
	// for a call of emit in progress, and emit is not called after it has returned. stop is called once, and not from emit.
	Start(emit func(scalers.Event)) (stop func(), err error)
}

// RunPassive is the method Run of a Passive.
func RunPassive(ctx context.Context, p Passive, emit func(scalers.Event)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stop, err := p.Start(emit)
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return ctx.Err()
}

// Reader reads a source that has to be polled. Poll turns it into a Source, so a polled trigger needs no loop, timer or goroutine of
// its own.
type Reader interface {
	// Read returns the current level. ctx has the deadline of this reading. An error is shown to users as the reason why the
	// level is unknown: it names the attempt and the problem.
	Read(ctx context.Context) (scalers.Milli, error)
}

// Config is the typed metadata of one trigger. Its struct tags (json, doc) are its schema.
type Config interface {
	// Validate returns all mistakes, joined with errors.Join, each a *FieldError. It does no I/O.
	Validate() error
	// Trigger returns how the core interprets the level: the target, the activation value, and whether the level is a replica
	// count. The caller sets the name and the metric type.
	Trigger() scalers.Trigger
}

// Remote is implemented by every Config whose source sends credentials to servers.
type Remote interface {
	// Servers returns the servers that receive the credentials, as URLs or as HOST:PORT. They are compared with
	// spec.allowedHosts of a ClusterTriggerAuthentication.
	Servers() []string
}

// Env is everything that a trigger may use of the process. Fields that its kind does not need may be zero.
type Env struct {
	// Namespace, Object and Trigger identify the trigger in messages.
	Namespace, Object, Trigger string
	// PollingInterval is the interval at which a polled source is read; 0 means 30 seconds.
	PollingInterval time.Duration
	// Created is when the object was created, and Pending is true while its target may have to leave the idle count: it is there, or nothing
	// has been decided yet. If many polled sources wait for their first reading, those of pending objects come first, and then the newest.
	Created time.Time
	Pending bool
	// HTTP is the client for outgoing requests. It has no timeout of its own.
	HTTP *http.Client
	// Dial opens all other outgoing connections. It refuses addresses that triggers may not connect to. If it is nil, all
	// addresses are allowed.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// CheckHost returns an error for a name or an IP address that Dial would refuse, for connections that another program opens. It
	// resolves the name, and returns none if that is not possible. If it is nil, all are allowed.
	CheckHost func(ctx context.Context, host string) error
	// Secrets reads parameters of the trigger's authenticationRef.
	Secrets Secrets
	// PodIdentity reads the identity in a cloud of the trigger's authenticationRef. Only the triggers that the KEDA bridge reads use one. It
	// is nil without an authenticationRef.
	PodIdentity func(context.Context) (PodIdentity, error)
	// WatchSecrets calls changed after each change of an object that Secrets has read, until stop is called, so that a source which keeps a
	// connection can check the credentials at once. A polled source is then read at once. If there was a change while nobody watched, it
	// calls changed before it returns. changed must not block, and is not called after stop has returned. It may be nil.
	WatchSecrets func(changed func()) (stop func())
	// Credentials identifies the source of Secrets without revealing it: triggers with the same value have the same credentials. It
	// is "" without an authenticationRef.
	Credentials string
	// Now is the clock of the process.
	Now func() time.Time
	// Alerts has the alerts and levels that were delivered to this process.
	Alerts Alerts
	// Endpoints receives messages for single triggers.
	Endpoints Endpoints
	// Samples has the samples that Prometheus servers write to this process.
	Samples Samples
	// Metric is the metric type of the trigger.
	Metric scalers.Metric
	// Input is true if the level is an argument of a formula.
	Input bool
	// Cached is true if useCachedMetrics is set: a level that is known without a reading, such as the pods of a watch, is to be used once
	// per PollingInterval. Readings of a polled source are kept until the next one in any case.
	Cached bool
	// Pods returns the target's current pods, ordered by name. It reads a cache and does not block.
	Pods func() ([]Pod, error)
	// PodMetrics lists the resource usage of the pods of a namespace, from the resource metrics API.
	PodMetrics func(ctx context.Context, namespace string) (*metricsv1beta1.PodMetricsList, error)
	// PodSelector returns the label selector of the target's pods. It reads a cache and does not block.
	PodSelector func() (string, error)
	// Metrics reads the metrics that metrics adapters serve.
	Metrics MetricsAPIs
	// CountPods counts pods from a watch, which all callers for one namespace share. It calls changed once the count or the reason why it
	// is unknown is known, and again after each change. stop waits for a call of changed in progress, and none follows. changed must not
	// block.
	CountPods func(q PodQuery, changed func(count int64, err error)) (stop func(), err error)
	// WatchService reports the ready endpoints of a Service, ordered by address, from a watch that all callers for one namespace share. It
	// calls changed once they or the reason why they are unknown are known, and again after each change. stop waits for a call of changed
	// in progress, and none follows. A Service that does not exist has no endpoints. The slice must not be changed. changed must not block.
	WatchService func(s Service, changed func(endpoints []ServiceEndpoint, err error)) (stop func())
	// KEDABridge is the address of impulse-keda-bridge, as bridgeaddr.Parse parses it; "" if there is none.
	KEDABridge string
	// Poller reads the polled sources of all workloads.
	Poller *Poller
	// Pool shares connections among triggers, such as those with the same server and credentials.
	Pool *Pool
	// Queue runs what a source does at deadlines, or when it is woken, without a goroutine for each source: see NewItem. If it is nil, each
	// item has a queue of its own.
	Queue *workqueue.Queue
	// Panicked is called after a panic of a passive source outside of Start. The source is then stopped, and started again after a pause. It
	// does not block.
	Panicked func(error)
}
