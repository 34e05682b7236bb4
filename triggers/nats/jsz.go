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
)

// maxAnswer bounds what is read of one answer: /jsz holds every consumer of the account.
const maxAnswer = 32 << 20

// jsz is what is used of the answer of /jsz.
type jsz struct {
	Disabled    bool `json:"disabled"`
	MetaCluster struct {
		Size int `json:"cluster_size"`
	} `json:"meta_cluster"`
	Accounts []struct {
		Name    string `json:"name"`
		ID      string `json:"id"`
		Streams []struct {
			Name      string     `json:"name"`
			Consumers []consumer `json:"consumer_detail"`
		} `json:"stream_detail"`
	} `json:"account_details"`
}

// consumer is what a server knows of a consumer.
type consumer struct {
	Name          string   `json:"name"`
	NumPending    uint64   `json:"num_pending"`
	NumAckPending int64    `json:"num_ack_pending"`
	Cluster       *cluster `json:"cluster"`
}

// cluster lists the leader of a consumer and the replicas besides the server that was asked.
type cluster struct {
	Leader   string `json:"leader"`
	Replicas []struct {
		Name string `json:"name"`
	} `json:"replicas"`
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
func (j jsz) find(account string, n name) *consumer {
	for _, a := range j.Accounts {
		if a.Name != account && a.ID != account {
			continue
		}
		for _, s := range a.Streams {
			if s.Name != n.stream {
				continue
			}
			for i := range s.Consumers {
				if s.Consumers[i].Name == n.consumer {
					return &s.Consumers[i]
				}
			}
		}
	}
	return nil
}

// led says whether the server that was asked leads the consumer: a follower lists the leader among the other replicas.
func (c *consumer) led() bool {
	switch {
	case c == nil:
		return false
	case c.Cluster == nil:
		return true
	case c.Cluster.Leader == "":
		return false
	}
	for _, r := range c.Cluster.Replicas {
		if r.Name == c.Cluster.Leader {
			return false
		}
	}
	return true
}

// serverNames lists the servers of the cluster by name, the likely leader first.
func (v varz) serverNames(known *consumer) []string {
	var names []string
	if known != nil && known.Cluster != nil {
		names = append(names, known.Cluster.Leader)
	}
	names = append(names, v.ServerName)
	for _, address := range v.Cluster.URLs {
		label, _, _ := strings.Cut(hostOf(address), ".")
		names = append(names, label)
	}
	var unique []string
	for _, n := range names {
		if n != "" && !slices.Contains(unique, n) {
			unique = append(unique, n)
		}
	}
	return unique
}

// hostOf returns the host of host:port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// get decodes the answer of one server. Errors repeat nothing of a body that is not JSON.
func (m *monitor) get(ctx context.Context, host, path string, query url.Values, into any) error {
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
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer of %s broke off: %w", path, unwrap(ctx, err))
	case len(body) > maxAnswer:
		return fmt.Errorf("the answer of %s is larger than %d MiB", path, maxAnswer>>20)
	case json.Unmarshal(body, into) != nil:
		return fmt.Errorf("the answer of %s is not what a NATS server says: is this its monitoring port?", path)
	}
	return nil
}

// unwrap removes the URL from an error, and prefers the reason why a context ended.
func unwrap(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var sent *url.Error
	if errors.As(err, &sent) {
		return sent.Err
	}
	return err
}
