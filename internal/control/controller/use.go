package controller

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// use describes how a trigger uses an authentication: the namespace of the trigger, and the servers that it sends the credentials
// to, each a URL or HOST:PORT.
type use struct {
	namespace string
	servers   []string
}

// allowedBy returns an error that wraps triggers.ErrNotAllowed unless an authentication allows the use. The error does not list
// the allowed namespaces: an author in one namespace need not learn the names of others.
func (u use) allowedBy(spec *v1alpha1.ClusterTriggerAuthenticationSpec) error {
	if !slices.Contains(spec.AllowedNamespaces, u.namespace) && !slices.Contains(spec.AllowedNamespaces, v1alpha1.EveryNamespace) {
		return fmt.Errorf("%w: its spec.allowedNamespaces does not list %s; add it there, or use a TriggerAuthentication of that namespace",
			triggers.ErrNotAllowed, u.namespace)
	}
	if len(spec.AllowedHosts) == 0 {
		return nil
	}
	for _, server := range u.servers {
		host, port := authority(server)
		if host == "" || !slices.ContainsFunc(spec.AllowedHosts, func(allowed string) bool {
			return strings.EqualFold(allowed, host) || strings.EqualFold(allowed, net.JoinHostPort(host, port))
		}) {
			return fmt.Errorf("%w: its spec.allowedHosts does not list %s; add it there", triggers.ErrNotAllowed, net.JoinHostPort(host, port))
		}
	}
	return nil
}

// authority returns the host and port of a URL, or of HOST:PORT. Both are "" if the text is neither; no list allows that.
func authority(server string) (host, port string) {
	server = strings.TrimSpace(server)
	if !strings.Contains(server, "://") {
		server = "//" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", ""
	}
	if port = u.Port(); port == "" {
		port = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443", "nats": "4222", "tls": "4222"}[u.Scheme]
	}
	return u.Hostname(), port
}
