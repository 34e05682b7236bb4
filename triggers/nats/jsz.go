package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// maxAnswer bounds what is read of one answer: /jsz holds every consumer of the account.
const maxAnswer = 32 << 20

// jsz is what is used of the answer of /jsz.
type jsz struct {
	Disabled    bool `json:"disabled"`
	MetaCluster struct {
		Size int `json:"cluster_size"`
	} `json:"meta_cluster"`
	Accounts []account `json:"account_details"`
	// Total is how many accounts the server has, whatever was asked for.
	Total int `json:"total"`
}

// account is one account with JetStream. The name of one that was made with a JWT is a text of its owner, and not unique.
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
	// Replicas is how many servers hold the stream.
	Replicas int `json:"num_replicas"`
}

// member is a consumer as one server knows it.
type member struct {
	*natsconn.Consumer

	// replicas is how many servers hold the consumer; 0 when that is not said.
	replicas int
	// clustered: the server is one of several.
	clustered bool
}

// varz is what is used of the answer of /varz.
type varz struct {
	ServerName  string   `json:"server_name"`
	ConnectURLs []string `json:"connect_urls"`
	Cluster     struct {
		URLs []string `json:"urls"`
	} `json:"cluster"`
}

// find returns the consumer, or nil.
func (j *jsz) find(account string, n name) *member {
	for _, a := range j.Accounts {
		if a.Name != account && a.ID != account {
			continue
		}
		for _, s := range a.Streams {
			for i := range s.Consumers {
				if c := &s.Consumers[i]; s.Name == n.stream && c.Name == n.consumer {
					return &member{c, s.replicas(c), j.MetaCluster.Size > 1}
				}
			}
		}
	}
	return nil
}

// replicas is how many servers hold a consumer of the stream; 0 when that is not said.
func (s *stream) replicas(c *natsconn.Consumer) int {
	if c.Config.Replicas > 0 || s.Config == nil {
		return c.Config.Replicas
	}
	return s.Config.Replicas
}

// led says whether the server that was asked leads the consumer. A follower lists the leader among the other replicas, so a
// server that lists none leads only what no other holds.
func (m *member) led() bool {
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

// hosts lists where the servers of the cluster may be, the likely leader first: the hosts that they advertise to clients;
// when they advertise none, the addresses of their routes and KEDA's convention for a headless service, SERVER.SERVICE.
// What cannot be a host is left out: servers are not trusted to say what they should.
func (v varz) hosts(known *member, service string) []string {
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
	if known != nil && known.Cluster != nil && known.Cluster.Leader != "" {
		add(known.Cluster.Leader + "." + service)
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

// validHost says whether a text looks like an IP address or a DNS name.
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

// get decodes the answer of one server, which gets a time-out of its own: others may answer. Errors repeat nothing of a body that is not JSON.
func (m *monitor) get(ctx context.Context, host, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Patience, fmt.Errorf("no answer within %s", natsconn.Patience))
	defer cancel()
	u := m.base
	u.Host, u.RawQuery = host, query.Encode()
	u.Path = strings.TrimRight(u.Path, "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return errors.New("its host cannot be part of a URL")
	}
	response, err := m.client.Do(request)
	if err != nil {
		return unwrap(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", path, response.StatusCode)
	}
	if response.ContentLength > maxAnswer {
		return tooLarge(path)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer of %s broke off: %w", path, unwrap(ctx, err))
	case len(body) > maxAnswer:
		return tooLarge(path)
	case json.Unmarshal(body, into) != nil:
		return fmt.Errorf("the answer of %s is not what a NATS server says: is this its monitoring port?", path)
	}
	return nil
}

func tooLarge(path string) error {
	return fmt.Errorf("the answer of %s is larger than %d MiB", path, maxAnswer>>20)
}

// unwrap removes the URL from an error, and prefers the reason why a context ended.
func unwrap(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return sent.Err
	}
	return err
}
