package doctor

import (
	"net/url"
	"strings"
	"time"
)

// Routing is a configuration of Alertmanager, as far as it decides what Impulse receives.
type Routing struct {
	// Source names the file or the object that it was read from.
	Source string
	Route  *Route
	// Receivers are the webhooks of the receivers, by name.
	Receivers map[string][]Webhook
	// Part: the route is below that of an Alertmanager which is not known, so what it does not set is inherited from there.
	Part bool
}

// Route is a node of the tree of routes. Nil means that it inherits the time.
type Route struct {
	Receiver                              string
	GroupWait, GroupInterval, RepeatEvery *time.Duration
	// Matches is true if the route has matchers.
	Matches  bool
	Continue bool
	// Muted is true if the route has times at which it does not send.
	Muted  bool
	Routes []*Route
}

// Webhook is a webhook of a receiver.
type Webhook struct {
	// URL is "" if it is in a file. Masked: Alertmanager has replaced it.
	URL           string
	Masked        bool
	SendResolved  bool
	MaxAlerts     int
	Authenticated bool
}

// receiverPath begins the path of Impulse's receivers.
const receiverPath = "/v1/alertmanager"

// field returns the name of a field in the source: an AlertmanagerConfig has groupWait for group_wait.
func (r *Routing) field(name string) string {
	if !r.Part {
		return name
	}
	words := strings.Split(name, "_")
	for i := range words[1:] {
		words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
	}
	return strings.Join(words, "")
}

// toImpulse returns the address of a webhook of Impulse; nil if it is none.
func (w *Webhook) toImpulse() *url.URL {
	u, err := url.Parse(w.URL)
	if err != nil || !strings.Contains(u.Path+"/", receiverPath+"/") {
		return nil
	}
	return u
}

// misspelt returns the path of a webhook that was probably meant for Impulse's receiver.
func (w *Webhook) misspelt() (path string, misspelt bool) {
	u, err := url.Parse(w.URL)
	if err != nil || w.toImpulse() != nil {
		return "", false
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	return u.Path, strings.HasPrefix(u.Path, "/v1/alert") || name == "impulse" && strings.Trim(u.Path, "/") == ""
}

// namespace returns the namespace of the objects that a URL of Impulse posts for; "" means the receiver of the cluster.
func namespaceOf(u *url.URL) string {
	_, namespace, _ := strings.Cut(u.Path, receiverPath)
	return strings.Trim(namespace, "/")
}

// unset is a time that a route inherits from one that is not known.
const unset = -1

// The defaults of Alertmanager.
const (
	defaultGroupWait     = 30 * time.Second
	defaultGroupInterval = 5 * time.Minute
	defaultRepeatEvery   = 4 * time.Hour
)

// effective is a route with the times that it inherits.
type effective struct {
	*Route

	wait, interval, repeat time.Duration
	// root is true for the route that gets what no other gets, and shadowed names why no alert arrives; "" if one can.
	root     bool
	shadowed string
	// last is true if no later sibling could get the alert, too.
	last bool
}

// flatten returns all routes, parents first.
func (r *Routing) flatten() []effective {
	if r.Route == nil {
		return nil
	}
	root := effective{Route: r.Route, wait: defaultGroupWait, interval: defaultGroupInterval, repeat: defaultRepeatEvery, root: true, last: true}
	if r.Part {
		root.wait, root.interval, root.repeat = unset, unset, unset
	}
	root.inherit()
	return root.below(nil)
}

// inherit sets the times that the route itself has.
func (e *effective) inherit() {
	for _, of := range []struct {
		own *time.Duration
		to  *time.Duration
	}{{e.GroupWait, &e.wait}, {e.GroupInterval, &e.interval}, {e.RepeatEvery, &e.repeat}} {
		if of.own != nil {
			*of.to = *of.own
		}
	}
}

// maxDepth bounds the depth of the tree.
const maxDepth = 50

// below appends the route and those below it.
func (e *effective) below(all []effective) []effective {
	all = append(all, *e)
	if len(all) > maxDepth*maxDepth {
		return all
	}
	shadowed := e.shadowed
	for i, r := range e.Routes {
		child := *e
		child.Route, child.root, child.shadowed, child.last = r, false, shadowed, i == len(e.Routes)-1
		if r.Receiver == "" {
			inherited := *r
			inherited.Receiver = e.Receiver
			child.Route = &inherited
		}
		child.inherit()
		all = child.below(all)
		if !r.Matches && !r.Continue && shadowed == "" {
			shadowed = "an earlier route matches every alert, and does not continue"
		}
	}
	return all
}
