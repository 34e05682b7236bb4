package doctor

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// maskedURL is what Alertmanager shows in place of a secret.
const maskedURL = "<secret>"

// alertmanagerFile is the part of a configuration of Alertmanager that is read. Alertmanager itself refuses what it does not know.
type alertmanagerFile struct {
	Global struct {
		HTTPConfig httpConfig `yaml:"http_config"`
	} `yaml:"global"`
	Route     *fileRoute `yaml:"route"`
	Receivers []struct {
		Name     string        `yaml:"name"`
		Webhooks []fileWebhook `yaml:"webhook_configs"`
	} `yaml:"receivers"`
}

type fileRoute struct {
	Receiver       string            `yaml:"receiver"`
	GroupWait      *model.Duration   `yaml:"group_wait"`
	GroupInterval  *model.Duration   `yaml:"group_interval"`
	RepeatInterval *model.Duration   `yaml:"repeat_interval"`
	Matchers       []string          `yaml:"matchers"`
	Match          map[string]string `yaml:"match"`
	MatchRE        map[string]string `yaml:"match_re"`
	Continue       bool              `yaml:"continue"`
	Mute           []string          `yaml:"mute_time_intervals"`
	Active         []string          `yaml:"active_time_intervals"`
	Routes         []*fileRoute      `yaml:"routes"`
}

type fileWebhook struct {
	URL          string      `yaml:"url"`
	URLFile      string      `yaml:"url_file"`
	SendResolved *bool       `yaml:"send_resolved"`
	MaxAlerts    int         `yaml:"max_alerts"`
	HTTPConfig   *httpConfig `yaml:"http_config"`
}

type httpConfig struct {
	Authorization   map[string]any `yaml:"authorization"`
	BasicAuth       map[string]any `yaml:"basic_auth"`
	OAuth2          map[string]any `yaml:"oauth2"`
	BearerToken     string         `yaml:"bearer_token"`
	BearerTokenFile string         `yaml:"bearer_token_file"`
	Headers         map[string]any `yaml:"http_headers"`
	TLS             struct {
		Cert     string `yaml:"cert"`
		CertFile string `yaml:"cert_file"`
	} `yaml:"tls_config"`
}

// authenticates reports whether requests have a credential.
func (c *httpConfig) authenticates() bool {
	return len(c.Authorization) > 0 || len(c.BasicAuth) > 0 || len(c.OAuth2) > 0 || len(c.Headers) > 0 ||
		c.BearerToken != "" || c.BearerTokenFile != "" || c.TLS.Cert != "" || c.TLS.CertFile != ""
}

var errNoRoute = errors.New("it has no route: expected the configuration of an Alertmanager")

// ReadAlertmanagerFile reads the configuration of an Alertmanager. name is that of the file.
func ReadAlertmanagerFile(name string, content []byte) (Routing, error) {
	var file alertmanagerFile
	if err := yaml.Unmarshal(content, &file); err != nil {
		return Routing{}, fmt.Errorf("%s: %w", name, err)
	}
	if file.Route == nil {
		return Routing{}, fmt.Errorf("%s: %w", name, errNoRoute)
	}
	r := Routing{Source: name, Route: file.Route.route(), Receivers: map[string][]Webhook{}}
	for _, receiver := range file.Receivers {
		for i := range receiver.Webhooks {
			w := &receiver.Webhooks[i]
			config := w.HTTPConfig
			if config == nil {
				config = &file.Global.HTTPConfig
			}
			r.Receivers[receiver.Name] = append(r.Receivers[receiver.Name], Webhook{
				URL: w.URL, Masked: w.URL == maskedURL || w.URLFile != "", SendResolved: w.SendResolved == nil || *w.SendResolved, MaxAlerts: w.MaxAlerts, Authenticated: config.authenticates(),
			})
		}
	}
	return r, nil
}

// route returns the route and those below it.
func (f *fileRoute) route() *Route {
	r := &Route{
		Receiver: f.Receiver, Continue: f.Continue, Matches: len(f.Matchers)+len(f.Match)+len(f.MatchRE) > 0, Muted: len(f.Mute)+len(f.Active) > 0,
		GroupWait: (*time.Duration)(f.GroupWait), GroupInterval: (*time.Duration)(f.GroupInterval), RepeatEvery: (*time.Duration)(f.RepeatInterval),
	}
	for _, below := range f.Routes {
		if below != nil {
			r.Routes = append(r.Routes, below.route())
		}
	}
	return r
}
