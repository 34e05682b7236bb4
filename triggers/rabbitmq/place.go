package rabbitmq

import (
	"cmp"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// place is how a server is reached: a parsed host. It is comparable.
type place struct {
	// protocol is amqpProtocol or httpProtocol, over TLS if secure is true.
	protocol string
	secure   bool
	// address is HOST:PORT.
	address string
	// path is the escaped path before /api of a management API behind a proxy; "" or one that begins with a slash.
	path  string
	vhost string
	// username and password are those in the URL. A URL of AMQP without a user has guest and guest, as all clients of RabbitMQ do.
	username, password string
	hasPassword        bool
	// external is true if the URL asks for the login with the client certificate.
	external bool
}

// ports are the default ports of the schemes.
var ports = map[string]string{"amqp": "5672", "amqps": "5671", "http": "80", "https": "443"}

// parse returns the place of a host, and the problem with it; "" if there is none. The problem does not quote the host, which may contain
// a password.
func parse(host string) (p place, problem string) {
	u, err := url.Parse(strings.TrimSpace(host))
	if err != nil {
		return place{}, "is not a URL: special characters in the user, the password and the virtual host must be percent-encoded"
	}
	number, err := strconv.ParseUint(cmp.Or(u.Port(), ports[u.Scheme]), 10, 16)
	switch {
	case ports[u.Scheme] == "":
		return place{}, "does not begin with amqp://, amqps://, http:// or https://"
	case u.Hostname() == "" || strings.ContainsAny(u.Host, " \t\r\n,"):
		return place{}, "has no name of a host"
	case err != nil || number == 0:
		return place{}, "has an invalid port"
	}
	p = place{address: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), ports[u.Scheme]))}
	p.protocol, p.secure = strings.CutSuffix(u.Scheme, "s")
	p.username = u.User.Username()
	p.password, p.hasPassword = u.User.Password()
	if p.protocol == amqpProtocol {
		return p.withAMQP(u)
	}
	return p.withHTTP(u)
}

// withAMQP adds the virtual host, which is the whole path, and the login.
func (p place) withAMQP(u *url.URL) (place, string) {
	p.vhost = cmp.Or(strings.TrimPrefix(u.Path, "/"), "/")
	if u.User == nil {
		p.username, p.password = "guest", "guest"
	}
	options := u.Query()
	for _, name := range []string{"cacertfile", "certfile", "keyfile"} {
		if options.Has(name) {
			return place{}, "has the option " + name + ": files are not read, put certificates and keys into the authenticationRef"
		}
	}
	switch mechanism := strings.ToUpper(options.Get("auth_mechanism")); mechanism {
	case "", "PLAIN":
	case "EXTERNAL":
		p.external = true
	default:
		return place{}, "has an auth_mechanism other than PLAIN and EXTERNAL"
	}
	return p, ""
}

// withHTTP adds the virtual host, which is the last element of the path, and the elements before it, as in KEDA.
func (p place) withHTTP(u *url.URL) (place, string) {
	if u.RawQuery != "" || u.Fragment != "" {
		return place{}, "has a query or a fragment"
	}
	path := u.EscapedPath()
	last := strings.LastIndex(path, "/")
	p.path = strings.TrimRight(path[:max(last, 0)], "/")
	vhost, err := url.PathUnescape(path[last+1:])
	if err != nil {
		return place{}, "has an invalid path"
	}
	p.vhost = cmp.Or(vhost, "/")
	return p, ""
}

// conflict returns the problem if the protocol in the metadata or in the authenticationRef is not that of the place.
func (p place) conflict(protocol string) string {
	if protocol == p.protocol || protocol != amqpProtocol && protocol != httpProtocol {
		return ""
	}
	return "is " + protocol + ", but the host is one of " + p.protocol
}
