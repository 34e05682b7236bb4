package alertmanager

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// Kind describes the trigger type alertmanager.
func Kind() triggers.Kind {
	k := triggers.Define("alertmanager", "Alerts that an Alertmanager posts to Impulse.", defaults(), open)
	k.Push, k.Receives = true, true
	k.Auth = httpauth.Parameters()
	k.Example = map[string]string{"matchers": `{alertname="QueueFull"}`, "replicas": "5"}
	return k
}

// open returns the source; it does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	q, err := c.Selection(env.Namespace)
	if err != nil {
		return nil, err
	}
	q.SelectedBy = env.Namespace + "/" + env.Object
	s := &source{config: c, query: q, env: env, minUptime: minUptime, muteDelay: maxMuteDelay}
	if s.env.Now == nil {
		s.env.Now = time.Now
	}
	return s, nil
}

// Selection returns the query for the alerts that match the matchers, and that were posted to the namespace's receiver or, with scope
// cluster, to the cluster-wide one.
func (c Config) Selection(namespace string) (triggers.AlertQuery, error) {
	matchers, err := parseMatchers(c.Matchers)
	if err != nil {
		return triggers.AlertQuery{}, &triggers.FieldError{Field: "matchers", Problem: err.Error()}
	}
	q := triggers.AlertQuery{
		Namespace: namespace, Text: c.Matchers, Equal: map[string]string{}, Match: matches(matchers),
		TTL: c.TTL, LateWindow: c.LateWindow, AbsentMeansResolved: c.AbsentMeansResolved,
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

// matches returns a function that reports whether all matchers match labels. A missing label is an empty one.
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
