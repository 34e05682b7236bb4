package credentials

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// allowedBy returns an error that wraps triggers.ErrNotAllowed unless an authentication allows the use. The error does not list
// the allowed namespaces: an author in one namespace need not learn the names of others.
func (u Use) allowedBy(spec *v1alpha1.ClusterTriggerAuthenticationSpec) error {
	if !slices.Contains(spec.AllowedNamespaces, u.Target.Namespace) && !slices.Contains(spec.AllowedNamespaces, v1alpha1.EveryNamespace) {
		return fmt.Errorf("%w: its spec.allowedNamespaces does not list %s; add it there, or use a TriggerAuthentication of that namespace",
			triggers.ErrNotAllowed, u.Target.Namespace)
	}
	if len(spec.AllowedHosts) == 0 {
		return nil
	}
	if len(u.Variables) > 0 { // They could name another server, which the list cannot check.
		return fmt.Errorf("%w: its spec.allowedHosts restricts the servers, so the metadata may not take parameters from environment variables (…FromEnv)",
			triggers.ErrNotAllowed)
	}
	for _, server := range u.Servers {
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
