package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// reconcileEvery is how often the Alertmanagers are asked. The poller spreads the askings.
	reconcileEvery = 45 * time.Second
	// answerWithin is how long each has.
	answerWithin = 10 * time.Second
	// settleTime is how long after its start an Alertmanager may not have been told of all alerts: it keeps none through a
	// restart, and Prometheus tells it again after evaluation_interval and a resend delay, a minute each by default.
	settleTime = 5 * time.Minute
	// unmutedTime is how long after its start an alert may be in a group that has not been looked at: whether a group is muted is
	// found out after the group_wait of its route.
	unmutedTime = time.Minute
	// maxAnswer bounds an answer.
	maxAnswer = 8 << 20
)

// reconciling is the source that asks the configured Alertmanagers what fires, and has the store told. Triggers of one
// namespace with the same matchers ask once for all.
func (s *source) reconciling() (triggers.Source, error) {
	store, ok := s.env.Alerts.(triggers.Reconciler)
	if !ok {
		return nil, errors.New("reconcile: this process cannot be told what fires")
	}
	matchers, err := parseMatchers(s.config.Matchers)
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	filter := url.Values{}
	for _, m := range matchers {
		filter.Add("filter", m.String())
	}
	c := &client{config: s.config, env: s.env, filter: filter.Encode(), settle: s.settle, unmuted: s.unmuted}
	env := s.env
	env.PollingInterval = reconcileEvery
	key := strings.Join([]string{
		"alertmanager", s.query.Namespace, s.config.Matchers, strings.Join(s.config.Reconcile, ","), s.config.Receiver, s.config.AuthModes, env.Credentials,
	}, "\x00")
	q := triggers.PollKey{Server: strings.Join(s.config.Reconcile, ","), Key: key}
	return triggers.PollEach(q, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, store.Reconcile(ctx, s.query, c.view(ctx, s.env.Now()))
	}, func(scalers.Instant, struct{}) scalers.Event { return scalers.Event{} }, env), nil
}

// view asks every Alertmanager. One that answers is enough for alerts to begin: peers tell each other of silences, not of
// alerts. All must answer for alerts to end.
func (c *client) view(ctx context.Context, at time.Time) triggers.AlertView {
	answers := make([][]held, len(c.config.Reconcile))
	errs := make([]error, len(answers))
	var all sync.WaitGroup
	for i, address := range c.config.Reconcile {
		all.Go(func() { answers[i], errs[i] = c.ask(ctx, address) })
	}
	all.Wait()
	v := triggers.AlertView{At: at, Err: errors.Join(errs...)}
	v.Complete = v.Err == nil
	fires, silent := map[string]int{}, map[string]triggers.Alert{}
	for _, answer := range answers {
		for i := range answer {
			a := &answer[i]
			fp := fingerprint(a.Labels).String()
			known, fired := fires[fp]
			switch {
			case !a.fires: // Or nobody knows yet: it neither begins nor ends.
				silent[fp] = a.Alert
			case !fired:
				fires[fp] = len(v.Firing)
				v.Firing = append(v.Firing, a.Alert)
			case a.StartsAt.After(v.Firing[known].StartsAt):
				v.Firing[known] = a.Alert
			}
		}
	}
	for fp, a := range silent {
		if _, fired := fires[fp]; !fired {
			v.Suppressed = append(v.Suppressed, a)
		}
	}
	return v
}
