package nats

import (
	"net"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// jsz has the parts of the answer of /jsz that are used.
type jsz struct {
	Disabled    bool `json:"disabled"`
	MetaCluster struct {
		Size int `json:"cluster_size"`
	} `json:"meta_cluster"`
	Accounts []account `json:"account_details"`
	// Total is the number of accounts of the server, whatever the query selects.
	Total int `json:"total"`
}

// account is one account with JetStream. The name of an account that was created with a JWT is chosen by its owner and not unique.
type account struct {
	Name    string   `json:"name"`
	ID      string   `json:"id"`
	Streams []stream `json:"stream_detail"`
}

type stream struct {
	Name      string              `json:"name"`
	Config    *streamConfig       `json:"config"`
	Consumers []natsconn.Consumer `json:"consumer_detail"`
}

type streamConfig struct {
	// Replicas is the number of servers that have the stream.
	Replicas int `json:"num_replicas"`
}

// consumerState is a consumer in the answer of one server.
type consumerState struct {
	*natsconn.Consumer

	// replicas is the number of servers that have the consumer; 0 if unknown.
	replicas int
	// clustered is true if the server is part of a cluster.
	clustered bool
}

// varz has the parts of the answer of /varz that are used.
type varz struct {
	ServerName  string   `json:"server_name"`
	ConnectURLs []string `json:"connect_urls"`
	Cluster     struct {
		URLs []string `json:"urls"`
	} `json:"cluster"`
}

// named returns the accounts with a name or a key.
func (j *jsz) named(nameOrKey string) []account {
	return slices.DeleteFunc(j.Accounts, func(a account) bool { return a.Name != nameOrKey && a.ID != nameOrKey })
}

// replicas returns the number of servers that have a consumer of the stream; 0 if unknown.
func (s *stream) replicas(c *natsconn.Consumer) int {
	if c.Config.Replicas > 0 || s.Config == nil {
		return c.Config.Replicas
	}
	return s.Config.Replicas
}

// isLeader reports whether the server that answered leads the consumer. A follower lists the leader among the other replicas, so a server
// that lists no other replica is the leader only if the consumer has one replica.
func (m *consumerState) isLeader() bool {
	switch {
	case m == nil:
		return false
	case m.Cluster == nil:
		return !m.clustered
	case m.Cluster.Leader == "", len(m.Cluster.Replicas) == 0 && m.replicas != 1:
		return false
	}
	for _, r := range m.Cluster.Replicas {
		if *r.Name == m.Cluster.Leader {
			return false
		}
	}
	return true
}

// hosts returns the possible hosts of the servers of the cluster: those that they advertise to clients. If they advertise none, these are,
// by KEDA's convention for a headless service, SERVER.SERVICE of the leaders, of this server and of the routes; a route to an IP address
// has that address. Invalid hosts are omitted, because the answer is not trusted.
func (v varz) hosts(leaders []string, service string) []string {
	var hosts []string
	add := func(host string) {
		if validHost(host) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	for _, address := range v.ConnectURLs {
		add(hostOf(address))
	}
	if len(hosts) > 0 {
		return hosts
	}
	for _, leader := range leaders {
		add(leader + "." + service)
	}
	if v.ServerName != "" {
		add(v.ServerName + "." + service)
	}
	for _, address := range v.Cluster.URLs {
		host := hostOf(address)
		if label, _, _ := strings.Cut(host, "."); net.ParseIP(host) == nil && label != "" {
			host = label + "." + service
		}
		add(host)
	}
	return hosts
}

// validHost reports whether a text looks like an IP address or a DNS name.
func validHost(host string) bool {
	strange := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_:", r)
	}
	return host != "" && len(host) <= 253 && strings.IndexFunc(host, strange) < 0
}

// hostOf returns the host of host:port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
