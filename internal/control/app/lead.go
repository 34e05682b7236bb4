package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

const (
	// alertsTimeout bounds how long a new leader waits for the stored alerts before it starts autoscalers; meanwhile it lists the objects.
	// Without the alerts, triggers on alerts are unknown, which never lowers a count.
	alertsTimeout = 10 * time.Second
	// alertsPollInterval is the time between two checks for that.
	alertsPollInterval = 10 * time.Millisecond
)

// lead runs every autoscaler until ctx is done, because the Lease is lost or the process stops. Everything that it started has
// stopped when it returns.
func (p *process) lead(ctx context.Context) {
	p.receiver.Reset()
	var all sync.WaitGroup
	all.Go(func() { _ = p.alerts.Run(ctx) }) // It returns when ctx is done. Its errors have been returned to its callers.

	// The reporter stops after the autoscalers, so that it reports the last writes.
	reporting, stopReporting := context.WithCancel(context.WithoutCancel(ctx))
	reporter := status.New(statusWriter{p.statusStore, p.elector.WhileLeading, p.leading, p.writes}, p.recorder(), p.metrics, p.log)
	reporter.SetNotifier(p.notifier)
	if p.options.Config == "" { // Files do not wait for the API server.
		reporter.SetGate(func(ctx context.Context, namespace string) func(error) {
			return p.gate.Begin(ctx, writes.Statuses, namespace)
		})
	}
	view := live.New(reporter, p.alerts, p.now)
	reporter.Observe(view)
	all.Go(func() { reporter.Run(reporting) })
	p.reporter.Store(reporter)

	loading, stopWaiting := context.WithTimeout(ctx, alertsTimeout)
	defer stopWaiting()
	c := controller.New(controller.Options{
		Kinds: builtin.Kinds(), Settings: p.options.Settings, Secrets: p.secrets, Actuator: countWriter{p.target, p.gate}, Reporter: reporter, Live: view,
		MayWrite: p.leading, Leading: p.elector.Leading, Turns: p.gate.Turns, Finalizers: p.finalizers, Tracer: p.tracing.Tracer(),
		Panicked: p.triggerPanicked, AwaitAlerts: func() { p.awaitAlerts(loading) },
		Env: triggers.Env{
			HTTP: p.http, Dial: p.egress.Dial, CheckHost: p.egress.CheckHost, Now: p.now, Alerts: p.alerts, Endpoints: p.receiver, Samples: p.receiver,
			Poller: p.poller, Pool: &p.shared, Queue: p.queue,
			PodMetrics: p.podMetrics, Metrics: p.adapters, CountPods: p.podCounter.CountPods,
			WatchService: p.services.WatchService, KEDABridge: p.options.KEDABridge,
		},
	}, p.ownHandovers())
	if p.keda != nil {
		all.Go(func() { p.keda.Run(ctx) })
	}
	p.view.Store(view)
	p.objects.Run(ctx, c, p.receiver.ObjectsListed)
	p.view.Store(nil)
	view.Close()
	p.handovers, p.transitions = c.Wait(), p.elector.Transitions()
	p.reporter.Store(nil)
	stopReporting()
	all.Wait()
}

// ownHandovers returns the handovers of this process's last leadership, if no other process has led since.
func (p *process) ownHandovers() map[string]controller.Handover {
	if p.transitions == p.elector.Transitions() {
		return p.handovers
	}
	return nil
}

// recorder returns the recorder of Events, which does nothing for objects from files.
func (p *process) recorder() status.Recorder {
	if p.events == nil {
		return status.Silent{}
	}
	return status.Events{Recorder: p.events}
}

// awaitAlerts waits until the stored alerts have been read, or ctx is done.
func (p *process) awaitAlerts(ctx context.Context) {
	tick := time.NewTicker(alertsPollInterval)
	defer tick.Stop()
	for p.alerts.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// statusWriter saves statuses while this process leads. The next leader reports what it drops.
type statusWriter struct {
	status.Store

	whileLeading func(ctx context.Context, write func(context.Context) error) error
	leading      func() bool
	metrics      *stateWrites
}

// Save saves a status. A save that fails, such as one that was not answered before the Deadline of its beginning, is repeated if this process
// still leads; otherwise the error is status.ErrGone.
func (w statusWriter) Save(ctx context.Context, o status.Object, stored *v1alpha1.ScaledObjectStatus) error {
	err := w.whileLeading(ctx, func(ctx context.Context) error {
		return w.metrics.timed(ctx, "status", func(ctx context.Context) error { return w.Store.Save(ctx, o, stored) })
	})
	if err != nil && !w.leading() {
		return fmt.Errorf("%w: %w", status.ErrGone, err)
	}
	return err
}

// alertWriter saves alerts while this process leads.
type alertWriter struct {
	store.Persister

	deadline func() time.Time
	metrics  *stateWrites
}

// Save saves a shard. A save that is known to have succeeded only after the deadline is an error, because the process may have been
// suspended in between: the new leader has read the shard before, and a delivery that was answered with 2xx would be lost.
func (w alertWriter) Save(ctx context.Context, shard int, content store.Shard) error {
	until := w.deadline()
	err := election.Within(ctx, until, func(ctx context.Context) error {
		return w.metrics.timed(ctx, "alerts", func(ctx context.Context) error { return w.Persister.Save(ctx, shard, content) })
	})
	if err == nil && !time.Now().Before(until) {
		err = election.ErrNotLeading
	}
	w.metrics.countAlerts(err)
	return err
}
