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
)

// client asks Alertmanagers what fires, by the second version of their API.
type client struct {
	config Config
	env    triggers.Env
	// filter is the matchers, as parameters of a query.
	filter string
	// settle is how long after its start an Alertmanager may not have been told of all alerts.
	settle time.Duration
	// unmuted is how long after the start of an alert nobody may have looked yet whether it is muted.
	unmuted time.Duration
}

// apiAlert is an alert of an answer, as far as it matters here. An answer that lacks a required field is not believed.
type apiAlert struct {
	Labels      map[string]string `json:"labels" required:"true"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    *time.Time        `json:"startsAt" required:"true"`
	Fingerprint *string           `json:"fingerprint" required:"true"`
	Status      struct {
		State *string `json:"state" required:"true"`
	} `json:"status"`
}

// apiGroup is a group of alerts that one route leads to a receiver. The state of its alerts is that in the group.
type apiGroup struct {
	Alerts []apiAlert `json:"alerts" required:"true"`
}

// apiStatus is what an Alertmanager says of itself.
type apiStatus struct {
	Uptime  *time.Time `json:"uptime" required:"true"`
	Cluster struct {
		Status *string `json:"status" required:"true"`
	} `json:"cluster"`
}

// stateActive is the state of an alert that is neither silenced, inhibited nor muted, and has been looked at.
const stateActive = "active"

func (a *apiAlert) active() bool { return *a.Status.State == stateActive }

func (a *apiAlert) alert() triggers.Alert {
	return triggers.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: *a.StartsAt}
}

// held is an alert that an Alertmanager has, and whether it would post it.
type held struct {
	triggers.Alert

	fires bool
}

// ask returns the alerts that one Alertmanager has. Beside them an error says that there may be more: it keeps none through a
// restart, and has not been up for long.
func (c *client) ask(ctx context.Context, address string) ([]held, error) {
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
		err = wrapped.Err // The address is said already.
	}
	return alerts, fmt.Errorf("ask %s what fires: %w", host, err)
}

// list asks for the alerts, for their groups, because only these know which are muted, and for how long the server has been
// up. What exists is for the list to say: while a configuration is reloaded the groups are not complete.
func (c *client) list(ctx context.Context, base string) ([]held, error) {
	var alerts []apiAlert
	at, err := c.get(ctx, base+"alerts?"+c.filter, &alerts)
	if err == nil {
		err = whole(alerts, alerts == nil)
	}
	if err != nil {
		return nil, err
	}
	posted, err := c.posted(ctx, base)
	if err != nil {
		return nil, err
	}
	settling, err := c.settled(ctx, base+"status")
	all := make([]held, len(alerts))
	for i := range alerts {
		a := &alerts[i]
		all[i] = held{a.alert(), a.active() && posted[*a.Fingerprint] && !settling && at.Sub(*a.StartsAt) >= c.unmuted}
	}
	return all, err
}

// posted returns the fingerprints of the alerts that are active in some group: their route leads to the receiver, and is not
// muted.
func (c *client) posted(ctx context.Context, base string) (map[string]bool, error) {
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
		if err := whole(groups[i].Alerts, groups[i].Alerts == nil); err != nil {
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

// whole returns an error for a list that is none, and for one with an alert of which something is missing: its labels make
// its fingerprint.
func whole(alerts []apiAlert, none bool) error {
	if none {
		return errors.New("the answer is not a list of alerts")
	}
	if err := triggers.CheckComplete(alerts); err != nil {
		return err
	}
	for i := range alerts {
		a := &alerts[i]
		if len(a.Labels) == 0 || a.StartsAt.IsZero() || fingerprint(a.Labels).String() != *a.Fingerprint {
			return fmt.Errorf("alert %d of the answer has no start, or not all of its labels", i)
		}
	}
	return nil
}

// settled reports whether an Alertmanager still waits for its peers, and posts nothing meanwhile. It returns an error while it
// may not have been told of all alerts since it began, by its own clock.
func (c *client) settled(ctx context.Context, target string) (bool, error) {
	var status apiStatus
	at, err := c.get(ctx, target, &status)
	if err == nil {
		err = triggers.CheckComplete(&status)
	}
	if err != nil {
		return true, err
	}
	if up := at.Sub(*status.Uptime); status.Uptime.IsZero() || up < c.settle {
		err = triggers.VaryingErrorf("it has been up for %s: what it does not have may still come, until %s", up.Round(time.Second), c.settle)
	}
	return *status.Cluster.Status == "settling", err
}

// get decodes an answer, and returns when it was given, by the server's clock.
func (c *client) get(ctx context.Context, target string, into any) (time.Time, error) {
	at := c.env.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return at, err
	}
	if err := triggers.Authorize(ctx, r, c.config.AuthModes, c.env.Secret); err != nil {
		return at, err
	}
	via, err := c.http(ctx)
	if err != nil {
		return at, err
	}
	resp, err := via.Do(r)
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
		return at, fmt.Errorf("the answer was not understood: %w", err)
	}
	return at, nil
}

// http is the client of one asking, with the certificates as they are now.
func (c *client) http(ctx context.Context) (*http.Client, error) {
	via := *c.env.HTTP
	via.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		return fmt.Errorf("redirected to %s://%s: set reconcile to where it should go", next.URL.Scheme, next.URL.Host)
	}
	if c.env.Secret == nil {
		return &via, nil
	}
	var pem [3]string
	for i, name := range []string{"ca", "cert", "key"} {
		var err error
		if pem[i], err = c.env.Secret(ctx, name); err != nil {
			return nil, fmt.Errorf("read the credential %s: %w", name, err)
		}
	}
	if pem == [3]string{} {
		return &via, nil
	}
	config, err := triggers.TLSConfig(pem[0], pem[1], pem[2], false)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if base, ok := via.Transport.(*http.Transport); ok {
		t = base.Clone()
	}
	t.TLSClientConfig, t.DisableKeepAlives = config, true // Nothing of it outlives an asking.
	via.Transport = t
	return &via, nil
}
