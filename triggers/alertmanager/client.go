package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// client queries Alertmanagers for their alerts, by version 2 of their API.
type client struct {
	config Config
	env    triggers.Env
	http   *http.Client
	// filter has the matchers as URL parameters.
	filter string
	// minUptime is the uptime from which an Alertmanager is assumed to have received all alerts.
	minUptime time.Duration
	// muteDelay is how long after the start of an alert the Alertmanager may not have determined whether the alert is muted.
	muteDelay time.Duration
}

// apiAlert has the fields of an alert that are used. An answer without a required field is an error.
type apiAlert struct {
	Labels      map[string]string `json:"labels" required:"true"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    *time.Time        `json:"startsAt" required:"true"`
	Fingerprint *string           `json:"fingerprint" required:"true"`
	Status      struct {
		State *string `json:"state" required:"true"`
	} `json:"status"`
}

// apiGroup is one group of the alerts of a route. The state of an alert in a group is its state on that route.
type apiGroup struct {
	Alerts []apiAlert `json:"alerts" required:"true"`
}

// apiStatus is the status of an Alertmanager.
type apiStatus struct {
	Uptime  *time.Time `json:"uptime" required:"true"`
	Cluster struct {
		Status *string `json:"status" required:"true"`
	} `json:"cluster"`
}

// stateActive is the state of an alert that is neither silenced, inhibited, muted nor still unprocessed.
const stateActive = "active"

func (a *apiAlert) active() bool { return *a.Status.State == stateActive }

func (a *apiAlert) alert() triggers.Alert {
	return triggers.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: *a.StartsAt}
}

// listedAlert is an alert of an Alertmanager, and whether the Alertmanager would post it as firing.
type listedAlert struct {
	triggers.Alert

	fires bool
}

// query returns the alerts of one Alertmanager. An error beside alerts means that there may be more: an Alertmanager loses its alerts
// when it restarts, and it has not been up for long.
func (c *client) query(ctx context.Context, address string) ([]listedAlert, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer within %s", answerWithin))
	defer cancel()
	alerts, err := c.list(ctx, strings.TrimRight(address, "/")+"/api/v2/")
	if err == nil {
		return alerts, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	host := address
	if u, e := url.Parse(address); e == nil {
		host = u.Host
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // The *url.Error repeats the address, which is in the error already.
	}
	return alerts, fmt.Errorf("query %s for firing alerts: %w", host, err)
}

// list requests the alerts, their groups, because only groups have the muted state, and the uptime of the server. The list of alerts
// determines which alerts exist: while a configuration is reloaded the groups are incomplete.
func (c *client) list(ctx context.Context, base string) ([]listedAlert, error) {
	var alerts []apiAlert
	at, err := c.get(ctx, base+"alerts?"+c.filter, &alerts)
	if err == nil {
		err = validate(alerts, alerts == nil)
	}
	if err != nil {
		return nil, err
	}
	active, err := c.activeFingerprints(ctx, base)
	if err != nil {
		return nil, err
	}
	settling, err := c.settling(ctx, base+"status")
	all := make([]listedAlert, len(alerts))
	for i := range alerts {
		a := &alerts[i]
		all[i] = listedAlert{a.alert(), a.active() && active[*a.Fingerprint] && !settling && at.Sub(*a.StartsAt) >= c.muteDelay}
	}
	return all, err
}

// activeFingerprints returns the fingerprints of the alerts that are active in at least one group on a route that is not muted: on any route
// or, with Config.Receiver, on one to that receiver.
func (c *client) activeFingerprints(ctx context.Context, base string) (map[string]bool, error) {
	query := c.filter
	if c.config.Receiver != "" {
		query += "&receiver=" + url.QueryEscape(regexp.QuoteMeta(c.config.Receiver))
	}
	var groups []apiGroup
	if _, err := c.get(ctx, base+"alerts/groups?"+query, &groups); err != nil {
		return nil, err
	}
	if groups == nil {
		return nil, errors.New("the answer is not a list of groups")
	}
	active := map[string]bool{}
	for i := range groups {
		if err := validate(groups[i].Alerts, groups[i].Alerts == nil); err != nil {
			return nil, err
		}
		for k := range groups[i].Alerts {
			if a := &groups[i].Alerts[k]; a.active() {
				active[*a.Fingerprint] = true
			}
		}
	}
	return active, nil
}

// validate returns an error if there is no list, or if an alert is incomplete: its fingerprint must be that of its labels.
func validate(alerts []apiAlert, missing bool) error {
	if missing {
		return errors.New("the answer is not a list of alerts")
	}
	if err := triggers.CheckComplete(alerts); err != nil {
		return err
	}
	for i := range alerts {
		a := &alerts[i]
		if len(a.Labels) == 0 || a.StartsAt.IsZero() || fingerprint(a.Labels).String() != *a.Fingerprint {
			return fmt.Errorf("alert %d of the answer has no startsAt, or lacks labels", i)
		}
	}
	return nil
}

// settling reports whether an Alertmanager still waits for its peers; it posts nothing meanwhile. It returns an error while the
// Alertmanager may not have received all alerts since its start, by its own clock.
func (c *client) settling(ctx context.Context, target string) (bool, error) {
	var status apiStatus
	at, err := c.get(ctx, target, &status)
	if err == nil {
		err = triggers.CheckComplete(&status)
	}
	if err != nil {
		return true, err
	}
	if up := at.Sub(*status.Uptime); status.Uptime.IsZero() || up < c.minUptime {
		err = triggers.VaryingErrorf("it has been up for %s, less than %s: it may not have received all alerts yet", up.Round(time.Second), c.minUptime)
	}
	return *status.Cluster.Status == "settling", err
}

// get decodes an answer, and returns its time by the server's clock.
func (c *client) get(ctx context.Context, target string, into any) (time.Time, error) {
	at := c.env.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return at, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return at, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return at, fmt.Errorf("it answered %s", resp.Status)
	}
	if stamp, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		at = stamp
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return at, fmt.Errorf("decode the answer: %w", err)
	}
	return at, nil
}

// newHTTP returns an HTTP client that authenticates each request. The modes are valid: see Config.Validate.
func newHTTP(c Config, env triggers.Env) *http.Client {
	modes, _ := httpauth.Parse(c.AuthModes)
	return &http.Client{
		Transport: &httpauth.Transport{Base: env.HTTP.Transport, Modes: modes, Secrets: env.Secrets},
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			return fmt.Errorf("redirected to %s://%s: set reconcile to the final address", next.URL.Scheme, next.URL.Host)
		},
	}
}
