package prometheus

import (
	"context"
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

// Kind describes the trigger type prometheus.
func Kind() triggers.Kind {
	k := triggers.Define("prometheus", "The result of a PromQL query.", defaults(), open)
	k.Auth = append(httpauth.Parameters(), awsParameters()...)
	k.Limits = limits
	k.Example = map[string]string{
		"serverAddress": "http://prometheus.monitoring:9090", "query": "sum(rate(http_requests_total[1m]))", "threshold": "100",
	}
	return k
}

// limits returns why the KEDA bridge has to read a trigger: only KEDA's scaler uses identities in clouds.
func limits(c triggers.Config, l triggers.Login) triggers.Limit {
	const instead = "use authModes or an access key of AWS, or let a proxy beside the server sign the requests"
	typed, ok := c.(Config)
	if ok && l.Identity == (triggers.PodIdentity{}) && typed.IdentityOwner == ownerOperator && typed.modes() == "" {
		return triggers.Limit{Feature: "identityOwner " + ownerOperator, Field: "identityOwner", Instead: instead}
	}
	return triggers.WithoutPodIdentity(instead)(c, l)
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	r, err := newReader(c, env)
	if err != nil {
		return nil, err
	}
	return triggers.Poll(triggers.PollKey{Server: r.server, Key: key(c, env)}, r, env), nil
}

// key returns the PollKey.Key: everything that the answer depends on.
func key(c Config, env triggers.Env) string {
	parts := []string{
		"prometheus", c.ServerAddress, c.Query, c.Namespace, c.modes(), c.Timeout.String(),
		strings.Join(c.CustomHeaders, ","), strings.Join(c.QueryParameters, ","),
		strconv.FormatBool(c.IgnoreNullValues), strconv.FormatBool(c.NegativeIsZero),
		strconv.FormatBool(c.AcceptPartial), c.EvaluationStep.String(), strconv.FormatBool(c.UnsafeSSL), c.AWSRegion, env.Credentials,
	}
	return strings.Join(parts, "\x00")
}

// reader sends one query to one server.
type reader struct {
	client *client
	server string
	// query is in the encoding of a form.
	query         string
	timeout       time.Duration
	late          error
	zero          triggers.Zeros
	acceptPartial bool
	// step is that of the times at which the query is evaluated; 0 is the server's current time.
	step time.Duration
	now  func() time.Time
}

func newReader(c Config, env triggers.Env) (*reader, error) {
	if env.Now == nil {
		env.Now = time.Now
	}
	client, err := newClient(c, env)
	if err != nil {
		return nil, err
	}
	return &reader{
		client: client, server: client.address.Host, query: url.Values{"query": {c.Query}}.Encode(),
		timeout: c.Timeout, late: lateError(c.Timeout),
		zero: c.Zeros(), acceptPartial: c.AcceptPartial, step: c.EvaluationStep, now: env.Now,
	}, nil
}

// lateError is the error of an answer that did not come in time. Its text is made when it is needed.
type lateError time.Duration

// Error returns the duration.
func (e lateError) Error() string { return "no answer within " + time.Duration(e).String() }

// Read returns the current level. It ignores the time in the answer: that is the time of the evaluation and not the age of the sample.
// A series that ended leads to an empty answer after the server's lookback period.
func (r *reader) Read(ctx context.Context) (scalers.Milli, error) {
	value, err := r.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("query %s: %w", r.server, err)
	}
	return value, nil
}

func (r *reader) read(ctx context.Context) (scalers.Milli, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, r.late)
	defer cancel()
	query := r.query + r.evaluationTime()
	got, err := r.client.send(ctx, http.MethodPost, query)
	if err != nil {
		return 0, reason(ctx, err)
	}
	v, err := r.client.value(ctx, got, query, r.acceptPartial)
	if err != nil {
		return 0, reason(ctx, err)
	}
	return level(v, r.zero)
}

// evaluationTime returns the parameter with the time at which the server evaluates the query; "" if that is its current time.
func (r *reader) evaluationTime() string {
	if r.step == 0 {
		return ""
	}
	now := r.now().UnixMilli()
	return "&time=" + strconv.FormatFloat(float64(now-now%r.step.Milliseconds())/1000, 'f', -1, 64)
}
