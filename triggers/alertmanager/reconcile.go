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
	// reconcileEvery is how often the Alertmanagers are queried. The poller spreads the queries.
	reconcileEvery = 45 * time.Second
	// answerWithin is the timeout of one query.
	answerWithin = 10 * time.Second
	// minUptime is how long after its start an Alertmanager may not have received all alerts: it loses them when it restarts, and
	// Prometheus sends them again after evaluation_interval and a resend delay, a minute each by default.
	minUptime = 5 * time.Minute
	// maxMuteDelay is how long after its start an alert may be in a group that is not processed yet: Alertmanager determines whether a
	// group is muted after the group_wait of its route.
	maxMuteDelay = time.Minute
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 8 << 20
)

// reconciler returns a source that queries the configured Alertmanagers, and reconciles the store with their answers. Triggers share the
// queries if they have the same matchers, Alertmanagers, receiver and credentials, and select the alerts of the same namespace.
func (s *source) reconciler() (triggers.Passive, error) {
	store, ok := s.env.Alerts.(triggers.Reconciler)
	if !ok {
		return nil, errors.New("reconcile: this process does not record alerts")
	}
	matchers, err := parseMatchers(s.config.Matchers)
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	filter := url.Values{}
	for _, m := range matchers {
		filter.Add("filter", m.String())
	}
	c := &client{config: s.config, env: s.env, http: newHTTP(s.config, s.env), filter: filter.Encode(), minUptime: s.minUptime, muteDelay: s.muteDelay}
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

// view queries every Alertmanager. One answer is enough to record an alert as firing, because peers share silences but not alerts. All
// must answer for a recorded alert to end.
func (c *client) view(ctx context.Context, at time.Time) triggers.AlertView {
	answers := make([][]listedAlert, len(c.config.Reconcile))
	errs := make([]error, len(answers))
	var all sync.WaitGroup
	for i, address := range c.config.Reconcile {
		all.Go(func() { answers[i], errs[i] = c.query(ctx, address) })
	}
	all.Wait()
	v := triggers.AlertView{At: at, Err: errors.Join(errs...)}
	v.Complete = v.Err == nil
	fires, suppressed := map[string]int{}, map[string]triggers.Alert{}
	for _, answer := range answers {
		for i := range answer {
			a := &answer[i]
			fp := fingerprint(a.Labels).String()
			known, fired := fires[fp]
			switch {
			case !a.fires: // Or it is not known yet whether it does. Its record does not change.
				suppressed[fp] = a.Alert
			case !fired:
				fires[fp] = len(v.Firing)
				v.Firing = append(v.Firing, a.Alert)
			case a.StartsAt.After(v.Firing[known].StartsAt):
				v.Firing[known] = a.Alert
			}
		}
	}
	for fp, a := range suppressed {
		if _, fired := fires[fp]; !fired {
			v.Suppressed = append(v.Suppressed, a)
		}
	}
	return v
}
