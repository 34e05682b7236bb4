package metricsapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// Kind describes the trigger type metrics-api.
func Kind() triggers.Kind {
	k := triggers.Define("metrics-api", "A number in the answer of an HTTP server, or of the pods of a Service.", defaults(), open)
	k.Auth = parameters()
	k.Example = map[string]string{"url": "http://orders.shop:8080/api/stats", "valueLocation": "queue.waiting", "targetValue": "20"}
	return k
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	r, err := newReader(c, env)
	if err != nil {
		return nil, err
	}
	q := triggers.PollKey{Server: r.url.Host, Key: key(c, env)}
	if !c.Aggregate {
		return triggers.Poll(q, r, env), nil
	}
	if env.WatchService == nil {
		return nil, errors.New("the pods of a Service need a cluster")
	}
	service, ok := serviceOf(r.url)
	if !ok {
		return nil, errors.New("url does not name a Service and its namespace")
	}
	all := &podsReader{reader: r, pods: newPods(service), aggregation: c.AggregationType}
	poll := triggers.Poll(q, all, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) {
		return poll, env.WatchService(service, all.pods.set), nil
	}), nil
}

// key returns the PollKey.Key: a hash of everything that the answer depends on, some of which may be secret.
func key(c Config, env triggers.Env) string {
	parts := append([]string{
		c.URL, c.ValueLocation, c.Format, c.Timeout.String(), strconv.FormatBool(c.UnsafeSSL),
		strconv.FormatBool(c.Aggregate), c.AggregationType, env.Credentials,
	}, c.loginValues()...)
	digest := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "metrics-api " + hex.EncodeToString(digest[:])
}

// reader reads a number from one server.
type reader struct {
	url       *url.URL
	find      finder
	timeout   time.Duration
	unsafe    bool
	login     login
	transport http.RoundTripper
}

func newReader(c Config, env triggers.Env) (*reader, error) {
	u, err := url.Parse(strings.TrimSpace(c.URL))
	if err != nil {
		return nil, errors.New("url is not a URL")
	}
	find, problem := newFinder(c.Format, c.ValueLocation)
	if problem != "" {
		return nil, errors.New("valueLocation " + problem)
	}
	var transport http.RoundTripper
	if env.HTTP != nil {
		transport = env.HTTP.Transport
	}
	l := login{config: c.Login, secrets: env.Secrets}
	return &reader{url: u, find: find, timeout: c.Timeout, unsafe: c.UnsafeSSL, login: l, transport: transport}, nil
}

// Read returns the current level.
func (r *reader) Read(ctx context.Context) (scalers.Milli, error) {
	c, err := r.connect(ctx)
	if err == nil {
		var level scalers.Milli
		if level, err = c.read(ctx, r.url); err == nil {
			return level, nil
		}
	}
	return 0, fmt.Errorf("request %s: %w", display(r.url), err)
}

// connect returns a client with the current credentials.
func (r *reader) connect(ctx context.Context) (*client, error) {
	c, err := r.login.read(ctx)
	if err != nil {
		return nil, err
	}
	transport, err := httpauth.WithCertificates(r.transport, c.ca, c.cert, c.key, r.unsafe)
	if err != nil {
		return nil, err
	}
	return newClient(transport, c, r.find, r.timeout), nil
}
