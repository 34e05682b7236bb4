// Package alertmanager is the trigger of alerts: as many replicas as the firing alerts that it selects ask for.
package alertmanager

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/triggers"
)

// Kind describes the trigger type alertmanager.
func Kind() triggers.Kind {
	k := triggers.Define("alertmanager", "Alerts that an Alertmanager posts to Impulse.", defaults(), open)
	k.Push = true
	k.Auth = []triggers.AuthParameter{
		{Name: "bearerToken", Doc: "The token for reconcile, with authModes: bearer."},
		{Name: "username", Doc: "The user for reconcile, with authModes: basic."},
		{Name: "password", Doc: "The password for reconcile, with authModes: basic."},
		{Name: "ca", Doc: "The certificates that the servers of reconcile are checked against, in PEM."},
		{Name: "cert", Doc: "The certificate that they are shown, in PEM."},
		{Name: "key", Doc: "Its key, in PEM."},
	}
	k.Example = map[string]string{"matchers": `{alertname="QueueFull"}`, "replicas": "5"}
	return k
}

// open makes the source; it does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	q, err := c.Selection(env.Namespace)
	if err != nil {
		return nil, err
	}
	q.SelectedBy = env.Namespace + "/" + env.Object
	s := &source{config: c, query: q, env: env, settle: settleTime, unmuted: unmutedTime}
	if s.env.Now == nil {
		s.env.Now = time.Now
	}
	return s, nil
}

// Selection selects the alerts that the matchers match, of the namespace's door or of the cluster's.
func (c Config) Selection(namespace string) (triggers.AlertQuery, error) {
	matchers, err := parseMatchers(c.Matchers)
	if err != nil {
		return triggers.AlertQuery{}, &triggers.FieldError{Field: "matchers", Problem: err.Error()}
	}
	q := triggers.AlertQuery{
		Namespace: namespace, Text: c.Matchers, Equal: map[string]string{}, Match: matches(matchers),
		TTL: c.TTL, StaleWindow: c.StaleWindow, AbsentMeansResolved: c.AbsentMeansResolved,
	}
	if c.Scope == "cluster" {
		q.Namespace = ""
	}
	for _, m := range matchers {
		if m.Type == labels.MatchEqual && m.Value != "" {
			q.Equal[m.Name] = m.Value
		}
	}
	return q, nil
}

// matches reports whether all matchers select an alert; a label that it does not have is the empty one.
func matches(matchers labels.Matchers) func(map[string]string) bool {
	return func(set map[string]string) bool {
		for _, m := range matchers {
			if !m.Matches(set[m.Name]) {
				return false
			}
		}
		return true
	}
}
