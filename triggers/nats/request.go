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
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

const (
	// maxAnswerBytes is the maximum size of an answer: /jsz has every consumer of the account.
	maxAnswerBytes = 32 << 20
	// maxPages is the maximum number of pages of 1024 accounts that are read to find the key of a name.
	maxPages = 32
)

// servers returns the monitoring endpoints of the cluster's servers. All use the port of the configured endpoint. leaders are the names of
// some of these servers.
func (s *search) servers(ctx context.Context, leaders []string) ([]string, error) {
	base := s.at.base
	var v varz
	if err := s.get(ctx, base.Host, "/varz", nil, &v); err != nil {
		return nil, err
	}
	hosts := v.hosts(leaders, base.Hostname())
	hosts = hosts[:min(len(hosts), maxServers)]
	if port := base.Port(); port != "" {
		for i, host := range hosts {
			hosts[i] = net.JoinHostPort(host, port)
		}
	}
	return hosts, nil
}

// consumers returns the answer of one server, with all consumers of the account.
func (s *search) consumers(ctx context.Context, host string) serverAnswer {
	account := s.monitor.currentAccount(s.at)
	j, err := s.jsz(ctx, host, url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}})
	if err == nil && len(j.Accounts) == 0 {
		if account, err = s.accountKey(ctx, host); err == nil && account != "" {
			s.monitor.setAccount(s.at, account)
			j, err = s.jsz(ctx, host, url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}})
		}
	}
	if err != nil {
		return serverAnswer{host: host, err: err}
	}
	return serverAnswer{host: host, clustered: j.MetaCluster.Size > 1, accounts: j.named(account)}
}

// accountKey returns the key of the account with the configured name; "" if the server has none of that name.
func (s *search) accountKey(ctx context.Context, host string) (string, error) {
	configured := s.at.account
	var keys []string
	for seen, pages := 0, 0; pages < maxPages; pages++ {
		j, err := s.jsz(ctx, host, url.Values{"accounts": {"true"}, "offset": {strconv.Itoa(seen)}})
		if err != nil {
			return "", err
		}
		for _, a := range j.Accounts {
			if a.Name == configured && a.ID != "" && !slices.Contains(keys, a.ID) {
				keys = append(keys, a.ID)
			}
		}
		if seen += len(j.Accounts); len(j.Accounts) == 0 || seen >= j.Total {
			break
		}
	}
	switch len(keys) {
	case 0:
		return "", nil
	case 1:
		return keys[0], nil
	}
	return "", fmt.Errorf("%d accounts are called %s: write the key of one of them, such as %s", len(keys), configured, keys[0])
}

// jsz queries /jsz of one server.
func (s *search) jsz(ctx context.Context, host string, query url.Values) (*jsz, error) {
	var j jsz
	if err := s.get(ctx, host, "/jsz", query, &j); err != nil {
		return nil, err
	}
	if j.Disabled {
		return nil, errors.New("JetStream is off on this server")
	}
	return &j, nil
}

// get decodes the answer of one server. Each server has its own timeout, because others may answer. Errors contain nothing of a body
// that is not JSON.
func (s *search) get(ctx context.Context, host, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Timeout, fmt.Errorf("no answer within %s", natsconn.Timeout))
	defer cancel()
	u := s.at.base
	u.Host, u.RawQuery = host, query.Encode()
	u.Path = strings.TrimRight(u.Path, "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return errors.New("its host cannot be part of a URL")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return unwrap(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", path, response.StatusCode)
	}
	if response.ContentLength > maxAnswerBytes {
		return tooLarge(path)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("the answer of %s broke off: %w", path, unwrap(ctx, err))
	case len(body) > maxAnswerBytes:
		return tooLarge(path)
	case json.Unmarshal(body, into) != nil:
		return fmt.Errorf("the answer of %s is not that of a NATS server: is this its monitoring port?", path)
	}
	return nil
}

func tooLarge(path string) error {
	return fmt.Errorf("the answer of %s is larger than %d MiB", path, maxAnswerBytes>>20)
}

// unwrap removes the URL from an error. If the context is done, it returns the cause of that.
func unwrap(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return sent.Err
	}
	return err
}
