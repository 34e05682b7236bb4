package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/controller"
	"github.com/impulse-sh/impulse/internal/leader"
	"github.com/impulse-sh/impulse/internal/report"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

const (
	// alertsPatience is how long objects wait for the alerts that were stored. Without them the triggers on alerts are
	// unknown, which lowers nothing, and everything else goes on.
	alertsPatience = 10 * time.Second
	// alertsEvery is how often they look.
	alertsEvery = 10 * time.Millisecond
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
	reporter := report.New(saver{p.statuses, p.gate}, recorder, p.metrics, p.log)
	all.Go(func() { reporter.Run(telling) })

	c := controller.New(controller.Options{
		Kinds: builtin.Kinds(), Settings: p.options.Settings, Secrets: p.secrets, Actuator: writer{p.target, p.gate}, Reporter: reporter, MayWrite: p.leading, Keeper: p.keeper,
		Env: triggers.Env{
			HTTP: p.http, Now: p.now, Alerts: p.alerts, Doors: p.doors, Poller: p.poller, Shared: &p.shared, PodMetrics: p.podMetrics,
		},
	}, p.inherited())
	p.awaitAlerts(ctx)
	p.objects.Run(ctx, c, p.doors.Known)
	p.legacy, p.term = c.Wait(), p.gate.Term()
	silence()
	all.Wait()
	closeEvents()
	p.metrics.Reset()
}

// inherited is what this process remembers of its last term, when nobody else has led since.
func (p *process) inherited() map[string]controller.Legacy {
	if p.term == p.gate.Term() {
		return p.legacy
	}
	return nil
}

// recorder makes Events of objects that the API server knows.
func (p *process) recorder(ctx context.Context) (report.Recorder, func()) {
	if p.options.Config != "" {
		return report.Silent{}, func() {}
	}
	events := report.NewEvents(ctx, p.events)
	return events, events.Close
}

// awaitAlerts waits for the alerts that were stored, within bounds.
func (p *process) awaitAlerts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, alertsPatience)
	defer cancel()
	tick := time.NewTicker(alertsEvery)
	defer tick.Stop()
	for p.alerts.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// writer writes counts while this process leads: a write is over before anybody else may lead.
type writer struct {
	*actuator.Client

	gate *leader.Gate
}

// Set is the actuator's, within the leader's deadline.
func (w writer) Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error) {
	deadline := w.gate.Deadline()
	if !time.Now().Before(deadline) {
		return actuator.Scale{}, errNotLeading
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errNotLeading)
	defer cancel()
	return w.Client.Set(ctx, t, seen, n)
}

// saver saves statuses while this process leads. What it drops is said by whoever leads next.
type saver struct {
	report.Store

	gate *leader.Gate
}

// Save is the store's, within the leader's deadline.
func (s saver) Save(ctx context.Context, o report.Object, status *v1alpha1.ScaledObjectStatus) error {
	deadline := s.gate.Deadline()
	if !time.Now().Before(deadline) {
		return report.ErrGone
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errNotLeading)
	defer cancel()
	return s.Store.Save(ctx, o, status)
}
