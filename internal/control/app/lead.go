package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

const (
	// alertsTimeout is how long objects wait for the alerts that were stored. Without them the triggers on alerts are
	// unknown, which lowers nothing, and everything else goes on.
	alertsTimeout = 10 * time.Second
	// alertsPollInterval is how often they look.
	alertsPollInterval = 10 * time.Millisecond
)

var errNotLeading = errors.New("another process may be the leader now: nothing is written")

// lead is one term: it runs every pipeline until ctx is done, which is when the Lease is lost or the process stops. Nothing
// of it is left when it returns.
func (p *process) lead(ctx context.Context) {
	p.doors.Begin()
	var all sync.WaitGroup
	all.Go(func() { _ = p.alerts.Run(ctx) }) // It ends with ctx; what it could not do, it has told whoever asked.

	// The reporter ends after the pipelines: the last write is still said.
	telling, silence := context.WithCancel(context.WithoutCancel(ctx))
	recorder, closeEvents := p.recorder(telling)
	reporter := status.New(statusWriter{p.statuses, p.elector.Deadline}, recorder, p.metrics, p.log)
	all.Go(func() { reporter.Run(telling) })
	p.reporter.Store(reporter)

	c := controller.New(controller.Options{
		Kinds: builtin.Kinds(), Settings: p.options.Settings, Secrets: p.secrets, Actuator: writer{p.target, p.elector.Deadline}, Reporter: reporter, MayWrite: p.leading, Finalizers: p.finalizers,
		Env: triggers.Env{
			HTTP: p.http, Dial: p.egress.Dial, Now: p.now, Alerts: p.alerts, Endpoints: p.doors, Poller: p.poller, Pool: &p.shared, PodMetrics: p.podMetrics,
		},
	}, p.ownHandovers())
	p.awaitAlerts(ctx)
	p.objects.Run(ctx, c, p.doors.Known)
	p.handovers, p.transitions = c.Wait(), p.elector.Transitions()
	p.reporter.Store(nil)
	silence()
	all.Wait()
	closeEvents()
	p.metrics.Reset()
}

// ownHandovers is what this process remembers of its last term, when nobody else has led since.
func (p *process) ownHandovers() map[string]controller.Handover {
	if p.transitions == p.elector.Transitions() {
		return p.handovers
	}
	return nil
}

// recorder makes Events of objects that the API server knows.
func (p *process) recorder(ctx context.Context) (status.Recorder, func()) {
	if p.options.Config != "" {
		return status.Silent{}, func() {}
	}
	events := status.NewEvents(ctx, p.events)
	return events, events.Close
}

// awaitAlerts waits for the alerts that were stored, within bounds.
func (p *process) awaitAlerts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, alertsTimeout)
	defer cancel()
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

// deadline is until when this process leads, unless it renews its Lease; zero when it does not lead.
type deadline func() time.Time

// within does a write while this process leads: it is over, or given up, before anybody else may lead.
func (d deadline) within(ctx context.Context, write func(context.Context) error) error {
	until := d()
	if !time.Now().Before(until) {
		return errNotLeading
	}
	ctx, cancel := context.WithDeadlineCause(ctx, until, errNotLeading)
	defer cancel()
	return write(ctx)
}

// writer writes counts while this process leads.
type writer struct {
	*actuator.Client

	deadline deadline
}

// Set is the actuator's, within the leader's deadline.
func (w writer) Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (set actuator.Scale, err error) {
	err = w.deadline.within(ctx, func(ctx context.Context) error {
		set, err = w.Client.Set(ctx, t, seen, n)
		return err
	})
	return set, err
}

// statusWriter saves statuses while this process leads. What it drops is said by whoever leads next.
type statusWriter struct {
	status.Store

	deadline deadline
}

// Save is the store's, within the leader's deadline.
func (s statusWriter) Save(ctx context.Context, o status.Object, stored *v1alpha1.ScaledObjectStatus) error {
	err := s.deadline.within(ctx, func(ctx context.Context) error { return s.Store.Save(ctx, o, stored) })
	if errors.Is(err, errNotLeading) {
		return status.ErrGone
	}
	return err
}

// alertWriter keeps alerts while this process leads.
type alertWriter struct {
	store.Persister

	deadline deadline
}

// Save is the persister's, within the leader's deadline. What is known to be written only later has failed, for a process may
// have been frozen in between: whoever leads by now has read the record before, and a delivery that was answered with 2xx would
// be lost until it is repeated.
func (k alertWriter) Save(ctx context.Context, shard int, content store.Shard) error {
	until := k.deadline()
	err := k.deadline.within(ctx, func(ctx context.Context) error { return k.Persister.Save(ctx, shard, content) })
	if err == nil && !time.Now().Before(until) {
		return errNotLeading
	}
	return err
}
