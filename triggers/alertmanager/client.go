package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
}

// apiAlert is an alert of an answer, as far as it matters here.
type apiAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Status      struct {
		State string `json:"state"`
	} `json:"status"`
}

func (a *apiAlert) alert() triggers.Alert {
	return triggers.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt}
}

// ask returns the alerts that one Alertmanager has. Beside them an error says that there may be more: it keeps none through a
// restart, and has not been up for long.
func (c *client) ask(ctx context.Context, address string) ([]apiAlert, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer within %s", answerWithin))
	defer cancel()
	base := strings.TrimRight(address, "/") + "/api/v2/"
	alerts, err := c.alerts(ctx, base+"alerts?"+c.filter)
	if err == nil {
		err = c.settled(ctx, base+"status")
	}
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

func (c *client) alerts(ctx context.Context, target string) ([]apiAlert, error) {
	var alerts []apiAlert
	if _, err := c.get(ctx, target, &alerts); err != nil {
		return nil, err
	}
	if alerts == nil {
		return nil, errors.New("the answer is not a list of alerts")
	}
	for i := range alerts {
		if len(alerts[i].Labels) == 0 || alerts[i].StartsAt.IsZero() {
			return nil, fmt.Errorf("alert %d of the answer has no labels, or no start", i)
		}
	}
	return alerts, nil
}

// settled returns an error while an Alertmanager may not have been told of all alerts since it began, by its own clock.
func (c *client) settled(ctx context.Context, target string) error {
	var status struct {
		Uptime time.Time `json:"uptime"`
	}
	at, err := c.get(ctx, target, &status)
	if err != nil {
		return err
	}
	if up := at.Sub(status.Uptime); status.Uptime.IsZero() || up < c.settle {
		return fmt.Errorf("it has been up for %s: what it does not have may still come, until %s", up.Round(time.Second), c.settle)
	}
	return nil
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
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxAnswer)).Decode(into); err != nil {
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
