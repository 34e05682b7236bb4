package doctor

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/runtime"
)

// alertmanagerConfig is the part of an AlertmanagerConfig of the Prometheus Operator that is read.
type alertmanagerConfig struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Route     *configRoute `json:"route"`
		Receivers []struct {
			Name     string          `json:"name"`
			Webhooks []configWebhook `json:"webhookConfigs"`
		} `json:"receivers"`
	} `json:"spec"`
}

type configRoute struct {
	Receiver       string         `json:"receiver"`
	GroupWait      string         `json:"groupWait"`
	GroupInterval  string         `json:"groupInterval"`
	RepeatInterval string         `json:"repeatInterval"`
	Matchers       []any          `json:"matchers"`
	Continue       bool           `json:"continue"`
	Mute           []string       `json:"muteTimeIntervals"`
	Active         []string       `json:"activeTimeIntervals"`
	Routes         []*configRoute `json:"routes"`
}

type configWebhook struct {
	URL          string         `json:"url"`
	URLSecret    map[string]any `json:"urlSecret"`
	SendResolved *bool          `json:"sendResolved"`
	MaxAlerts    int            `json:"maxAlerts"`
	HTTPConfig   map[string]any `json:"httpConfig"`
}

// ReadAlertmanagerConfig reads an AlertmanagerConfig. It returns false if the object has no webhook to Impulse, and none with a hidden URL.
func ReadAlertmanagerConfig(object map[string]any) (Routing, bool, error) {
	var c alertmanagerConfig
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &c); err != nil {
		return Routing{}, false, fmt.Errorf("decode an AlertmanagerConfig: %w", err)
	}
	r := Routing{Source: fmt.Sprintf("AlertmanagerConfig %s/%s", c.Metadata.Namespace, c.Metadata.Name), Receivers: map[string][]Webhook{}, Part: true}
	if c.Spec.Route != nil {
		r.Route = c.Spec.Route.route()
	}
	ours := false
	for _, receiver := range c.Spec.Receivers {
		for i := range receiver.Webhooks {
			w := &receiver.Webhooks[i]
			one := Webhook{URL: w.URL, Masked: len(w.URLSecret) > 0, SendResolved: w.SendResolved == nil || *w.SendResolved, MaxAlerts: w.MaxAlerts}
			for _, key := range []string{"authorization", "basicAuth", "oauth2", "bearerTokenSecret"} {
				one.Authenticated = one.Authenticated || w.HTTPConfig[key] != nil
			}
			if tls, ok := w.HTTPConfig["tlsConfig"].(map[string]any); ok {
				one.Authenticated = one.Authenticated || tls["cert"] != nil
			}
			ours = ours || one.toImpulse() != nil
			r.Receivers[receiver.Name] = append(r.Receivers[receiver.Name], one)
		}
	}
	return r, ours, nil
}

// route returns the route and those below it.
func (c *configRoute) route() *Route {
	r := &Route{
		Receiver: c.Receiver, Continue: c.Continue, Matches: len(c.Matchers) > 0, Muted: len(c.Mute)+len(c.Active) > 0,
		GroupWait: durationIn(c.GroupWait), GroupInterval: durationIn(c.GroupInterval), RepeatEvery: durationIn(c.RepeatInterval),
	}
	for _, below := range c.Routes {
		if below != nil {
			r.Routes = append(r.Routes, below.route())
		}
	}
	return r
}

// durationIn returns a time; nil if there is none. The operator refuses what is no time.
func durationIn(text string) *time.Duration {
	d, err := model.ParseDuration(text)
	if err != nil {
		return nil
	}
	return new(time.Duration(d))
}
