package redis

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// maxServers is the maximum number of configured addresses.
const maxServers = 64

// places are the six parameters for the addresses of servers.
type places struct{ address, addresses, host, hosts, port, ports []string }

// key returns the first of the parameters that is used; "" if none is.
func (p places) key() string {
	for _, form := range p.forms() {
		if len(form.values) > 0 {
			return form.name
		}
	}
	return ""
}

type form struct {
	name   string
	values []string
}

func (p places) forms() []form {
	return []form{{"address", p.address}, {"addresses", p.addresses}, {"host", p.host}, {"hosts", p.hosts}, {"port", p.port}, {"ports", p.ports}}
}

// servers returns the addresses; none if no parameter is used. The error is a *triggers.FieldError.
func (p places) servers() ([]string, error) {
	hosts, ports := slices.Concat(p.host, p.hosts), slices.Concat(p.port, p.ports)
	servers := slices.Concat(p.address, p.addresses)
	key := p.key()
	switch {
	case len(servers) > 0 && len(hosts)+len(ports) > 0:
		return nil, invalid(key, "has no effect together with host and port", "write only one of them")
	case len(p.address) > 0 && len(p.addresses) > 0:
		return nil, invalid("addresses", "is another name of address", "write only one of them")
	case len(hosts) != len(ports):
		return nil, invalid(key, fmt.Sprintf("the number of hosts is %d, and that of ports is %d", len(hosts), len(ports)), "write one port for each host")
	}
	for i := range hosts {
		servers = append(servers, net.JoinHostPort(hosts[i], ports[i]))
	}
	if len(servers) > maxServers {
		return nil, invalid(key, fmt.Sprintf("has more than %d servers", maxServers), "some of them are enough")
	}
	for _, server := range servers {
		if err := checkServer(key, server); err != nil {
			return nil, err
		}
	}
	return servers, nil
}

// checkServer returns a mistake unless an address has the form HOST:PORT.
func checkServer(key, address string) error {
	host, port, err := net.SplitHostPort(address)
	switch number, bad := strconv.ParseUint(port, 10, 16); {
	case strings.Contains(address, "@"):
		return invalid(key, "contains credentials", "put them in a Secret, with an authenticationRef")
	case strings.Contains(address, "//"):
		return invalid(key, fmt.Sprintf("%q is a URL", address), "write HOST:6379, and enableTLS for rediss://")
	case err != nil, host == "", bad != nil, number == 0, strings.ContainsAny(host, " \t\r\n\x00/"):
		return invalid(key, fmt.Sprintf("%q is not HOST:PORT", address), "write HOST:6379")
	}
	return nil
}
