package doctor

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// routeRemedy names the route that the documentation has.
const routeRemedy = "triggers/alertmanager/README.md has a route to copy"

// alertmanager checks the routes from Alertmanager to Impulse.
func alertmanager(in *Installation) []Finding {
	s := section{check: checkAlertmanager}
	if in.Routings.Err != nil {
		s.notReadFor("the AlertmanagerConfigs", in.Routings.Err, "give the configuration with --alertmanager-config, or run it as a user who may list alertmanagerconfigs.monitoring.coreos.com")
		return s.all
	}
	uses := alertTriggers(in.Objects.Value)
	if len(in.Routings.Value) == 0 {
		if len(uses) > 0 {
			s.unknown(fmt.Sprintf("%d triggers wait for alerts, and the configuration of Alertmanager is not known", len(uses)), "give it with --alertmanager-config; "+routeRemedy)
		} else if in.Objects.Err == nil {
			s.ok("no trigger waits for alerts")
		}
		return s.all
	}
	for i := range in.Routings.Value {
		s.routing(in, &in.Routings.Value[i], uses)
	}
	return s.all
}

// alertTrigger is a trigger of type alertmanager.
type alertTrigger struct {
	object    Key
	name      string
	ttl       time.Duration
	clustered bool
}

// defaultTTL is the default of the parameter ttl.
const defaultTTL = 12 * time.Hour

// alertTriggers returns the triggers that wait for alerts.
func alertTriggers(objects []v1alpha1.ScaledObject) []alertTrigger {
	var all []alertTrigger
	for i := range objects {
		for j := range objects[i].Spec.Triggers {
			t := &objects[i].Spec.Triggers[j]
			if t.Type != "alertmanager" {
				continue
			}
			value := func(key string) string {
				scalar := t.Metadata[key]
				text, _ := scalar.Text()
				return text
			}
			a := alertTrigger{object: Key{objects[i].Namespace, objects[i].Name}, name: t.Name, ttl: defaultTTL, clustered: value("scope") == "cluster"}
			if ttl, err := time.ParseDuration(value("ttl")); err == nil {
				a.ttl = ttl
			}
			all = append(all, a)
		}
	}
	return all
}

// routing checks one configuration.
func (s *section) routing(in *Installation, r *Routing, uses []alertTrigger) {
	ours := map[string][]*Webhook{}
	masked := false
	for name, webhooks := range r.Receivers {
		for i := range webhooks {
			masked = masked || webhooks[i].Masked
			if webhooks[i].toImpulse() != nil {
				ours[name] = append(ours[name], &webhooks[i])
			} else if path, misspelt := webhooks[i].misspelt(); misspelt {
				s.problem(fmt.Sprintf("%s: receiver %s posts to %s, which is no path of Impulse: it answers 404", r.Source, text(name), text(path)),
					"set the path of its URL to "+receiverPath+"/NAMESPACE")
			}
		}
	}
	if len(ours) == 0 {
		if masked {
			s.unknown(r.Source+": the URLs of webhooks are masked, as Alertmanager shows them", "give the file itself, not what /api/v2/status shows")
		} else {
			s.problem(fmt.Sprintf("%s: no receiver has a webhook to %s: Impulse gets no alert", r.Source, receiverPath), "add a receiver and a route: "+routeRemedy)
		}
		return
	}
	routed := false
	for _, e := range r.flatten() {
		for _, w := range ours[e.Receiver] {
			routed = true
			before := len(s.all)
			s.route(r, &e, w, uses)
			s.webhookOf(in, r, e.Receiver, w, uses)
			if len(s.all) == before {
				s.ok("%s: receiver %s posts to %s, at once and with resolves", r.Source, text(e.Receiver), w.host())
			}
		}
	}
	if !routed {
		s.problem(r.Source+": no route has a receiver with a webhook to Impulse: Impulse gets no alert", "add a route: "+routeRemedy)
	}
}

// host is the URL of a webhook without credentials and query.
func (w *Webhook) host() string {
	u := w.toImpulse()
	return text((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

const (
	// longWait and longInterval are the times of a route from which on it delays noticeably.
	longWait     = 5 * time.Second
	longInterval = 30 * time.Second
)

// route checks one route to Impulse.
func (s *section) route(r *Routing, e *effective, w *Webhook, uses []alertTrigger) {
	at := fmt.Sprintf("%s: the route to receiver %s", r.Source, text(e.Receiver))
	if e.shadowed != "" {
		s.problem(at+" gets no alert: "+e.shadowed, "move the route before that one, or set continue: true there")
	}
	s.delay(r, at, "group_wait", e.wait, longWait, defaultGroupWait, "the first alert of a group arrives that much later", "0s")
	s.delay(r, at, "group_interval", e.interval, longInterval, defaultGroupInterval, "further alerts of a group, and resolves, arrive that much later", "10s")
	s.repeats(r, at, e, w, uses)
	if !e.Continue && !e.root && !e.last && !r.Part {
		s.warning(at+" does not continue: later routes, such as those that notify people, do not get its alerts", "set continue: true")
	}
	if e.Muted {
		s.warning(at+" has mute or active time intervals: while it is muted, alerts and resolves do not arrive", "remove them from this route; pauses and schedules of ScaledObjects say when to scale")
	}
}

// delay checks one of the times of a route.
func (s *section) delay(r *Routing, at, field string, got, long, usual time.Duration, consequence, better string) {
	field = r.field(field)
	switch {
	case got == unset:
		s.warning(fmt.Sprintf("%s sets no %s and inherits it, by default %s: %s", at, field, duration(usual), consequence), fmt.Sprintf("set %s: %s", field, better))
	case got > long:
		s.warning(fmt.Sprintf("%s has %s %s: %s", at, field, duration(got), consequence), fmt.Sprintf("set %s: %s", field, better))
	}
}

// repeats compares repeat_interval with the ttl of the triggers.
func (s *section) repeats(r *Routing, at string, e *effective, w *Webhook, uses []alertTrigger) {
	for _, t := range uses {
		if !t.gets(w) {
			continue
		}
		field := r.field("repeat_interval")
		if e.repeat == unset {
			s.warning(fmt.Sprintf("%s sets no %s and inherits it, by default %s: ttl of the triggers must be longer", at, field, duration(defaultRepeatEvery)), fmt.Sprintf("set %s: 1m, and ttl: 3m in the triggers", field))
			return
		}
		what := fmt.Sprintf("%s has %s %s, and trigger %s of ScaledObject %s has ttl %s", at, field, duration(e.repeat), t.name, t.object, duration(t.ttl))
		remedy := fmt.Sprintf("set %s: 1m and ttl: 3m, or ttl: %s", field, duration(3*e.repeat))
		switch {
		case 2*t.ttl <= e.repeat:
			s.problem(what+": an alert that still fires ends, and the count falls, before it is repeated", remedy)
		case t.ttl <= e.repeat:
			s.warning(what+": an alert becomes stale before it is repeated", remedy)
		}
	}
}

// gets reports whether a trigger gets the alerts of a webhook.
func (t *alertTrigger) gets(w *Webhook) bool {
	namespace := namespaceOf(w.toImpulse())
	if namespace == "" {
		return t.clustered
	}
	return !t.clustered && t.object.Namespace == namespace
}

// webhookOf checks one webhook to Impulse.
func (s *section) webhookOf(in *Installation, r *Routing, receiver string, w *Webhook, uses []alertTrigger) {
	at := fmt.Sprintf("%s: the webhook of receiver %s", r.Source, text(receiver))
	if !w.SendResolved {
		s.problem(at+" has "+r.field("send_resolved")+": false: an alert counts until twice its ttl after its last post, although it was resolved", "set "+r.field("send_resolved")+": true")
	}
	if w.MaxAlerts > 0 {
		s.warning(fmt.Sprintf("%s has %s %d: of larger groups, Impulse gets no further alerts, and never their resolves", at, r.field("max_alerts"), w.MaxAlerts), "set "+r.field("max_alerts")+": 0")
	}
	namespace, got := namespaceOf(w.toImpulse()), 0
	for i := range uses {
		if uses[i].gets(w) {
			got++
		}
	}
	switch {
	case got > 0 || in.Objects.Err != nil || in.Namespace != "" && namespace != in.Namespace:
	case namespace == "":
		s.warning(at+" posts for the whole cluster, and no trigger has scope: cluster: its alerts scale nothing", "post to "+receiverPath+"/NAMESPACE, or set scope: cluster in the triggers")
	default:
		s.warning(fmt.Sprintf("%s posts for namespace %s, in which no trigger waits for alerts: its alerts scale nothing", at, text(namespace)), "correct the namespace in the URL, or create the ScaledObject")
	}
	s.address(in, at, w)
}

// address compares the URL of a webhook with the Service of the release that it names.
func (s *section) address(in *Installation, at string, w *Webhook) {
	u := w.toImpulse()
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	namespace, _, _ := strings.Cut(rest, ".")
	found := false
	for _, r := range Releases(in.Deployments.Value) {
		if r.Namespace != namespace || in.Services.Err != nil {
			continue
		}
		service := ReceiverService(in.Services.Value, &r)
		if service == nil {
			continue // The check of the receiver reports it.
		}
		found = true
		right := urlOf(service, &r)
		if port := portIn(u); name != service.Name || u.Scheme != schemeOf(&r) || port != portOf(service) {
			s.problem(fmt.Sprintf("%s posts to %s://%s, where Impulse does not listen", at, u.Scheme, text(u.Host)), "set the URL to "+right+u.Path)
		}
		if !w.Authenticated && r.flags["tokens-file"] != "" {
			s.problem(at+" has no credentials: Impulse refuses its messages with 401", "set http_config.authorization.credentials_file, or in an AlertmanagerConfig httpConfig.authorization, to a token of the receiver (see Receiver)")
		}
	}
	if !found {
		s.unknown(fmt.Sprintf("%s posts to %s, which is no Service of a release that was found: whether Impulse listens there, and needs credentials, is not known", at, text(u.Host)),
			"see Release and Receiver; impulse send alert --server URL shows whether it answers")
	}
}

// portIn returns the port of a URL.
func portIn(u *url.URL) int32 {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err == nil:
		return int32(port)
	case u.Scheme == "https":
		return 443
	default:
		return 80
	}
}

// duration prints a time as Alertmanager does.
func duration(d time.Duration) string { return model.Duration(d).String() }
