package app

import (
	"net/http"

	"github.com/impulse-sh/impulse/internal/control/egress"
	"github.com/impulse-sh/impulse/internal/control/notify"
)

// maxSinkConnections bounds the idle connections to the sinks.
const maxSinkConnections = 16

// newNotifier returns the notifier, whose metrics are registered. The operator chooses the sinks, so that they may be on this machine.
func (p *process) newNotifier() *notify.Notifier {
	guard := &egress.Guard{Local: true, Allowed: p.options.Sources}
	n := notify.New(notify.Options{
		File: p.options.NotificationsFile, Cluster: p.options.ClusterName, Dial: guard.Dial, Flush: p.options.Grace / 2, Log: p.log,
		HTTP: guard.Client(maxSinkConnections, maxSinkConnections).Transport.(*http.Transport),
	})
	p.registry.MustRegister(n)
	return n
}
