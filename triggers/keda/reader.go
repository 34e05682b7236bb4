package keda

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"google.golang.org/grpc"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeclient"
)

const (
	// maxMetrics is the maximum number of metrics of one trigger.
	maxMetrics = 32
	// maxNumber is the maximum length of a number.
	maxNumber = 64
)

// reader reads one trigger through the bridge.
type reader struct {
	kedaType string
	config   Config
	env      triggers.Env
	// conn is the shared connection, while the source runs.
	conn *grpc.ClientConn
}

// read reads all metrics and whether there is work.
func (r *reader) read(ctx context.Context) (replicas.Measurement, error) {
	request, err := r.request(ctx)
	if err != nil {
		return replicas.Measurement{}, err
	}
	if err := checkServers(ctx, r.env.CheckHost, request); err != nil {
		return replicas.Measurement{}, fmt.Errorf("read %s: %w", r.kedaType, err)
	}
	answer, err := bridgeapi.NewBridgeClient(r.conn).Read(ctx, request)
	if err != nil {
		return replicas.Measurement{}, fmt.Errorf("read %s: %w", r.kedaType, bridgeclient.Reason(ctx, err))
	}
	m, err := measure(answer)
	if err != nil {
		return replicas.Measurement{}, fmt.Errorf("read %s: %w", r.kedaType, err)
	}
	return m, nil
}

// request returns the request with the present credentials.
func (r *reader) request(ctx context.Context) (*bridgeapi.ReadRequest, error) {
	parameters, err := r.env.Secrets.Read(ctx)
	if err != nil {
		return nil, err
	}
	identity, err := r.identity(ctx)
	if err != nil {
		return nil, err
	}
	request := &bridgeapi.ReadRequest{
		Version: bridgeapi.Version_VERSION_CURRENT, Type: r.kedaType,
		Namespace: r.env.Namespace, Object: r.env.Object, Trigger: r.env.Trigger,
		Metadata: map[string]string{}, Environment: map[string]string{}, Parameters: make(map[string][]byte, len(parameters)),
		MetricType: "AverageValue", Input: r.env.Input, PodIdentity: identity,
	}
	if r.env.Metric == scalers.Value {
		request.MetricType = "Value"
	}
	for name, value := range parameters {
		request.Parameters[name] = []byte(value)
	}
	for key, value := range r.config.Metadata {
		if strings.HasSuffix(key, triggers.VariableSuffix) { // The name of the variable no longer matters.
			request.Environment[key] = value
			value = key
		}
		request.Metadata[key] = value
	}
	return request, nil
}

// identity returns the identity in a cloud; nil without one.
func (r *reader) identity(ctx context.Context) (*bridgeapi.PodIdentity, error) {
	if r.env.PodIdentity == nil {
		return nil, nil
	}
	i, err := r.env.PodIdentity(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the podIdentity: %w", err)
	}
	if i == (triggers.PodIdentity{}) {
		return nil, nil
	}
	return &bridgeapi.PodIdentity{
		Provider: i.Provider, IdentityId: i.IdentityID, IdentityTenantId: i.IdentityTenantID, IdentityAuthorityHost: i.IdentityAuthorityHost,
		RoleArn: i.RoleARN, ExternalId: i.ExternalID, IdentityOwner: i.IdentityOwner,
	}, nil
}

// measure returns the measurement of an answer.
func measure(answer *bridgeapi.ReadResponse) (replicas.Measurement, error) {
	if err := bridgeclient.CheckVersion(answer.GetVersion()); err != nil {
		return replicas.Measurement{}, err
	}
	switch n := len(answer.GetMetrics()); {
	case n == 0:
		return replicas.Measurement{}, errors.New("the scaler has no metric for this trigger")
	case n > maxMetrics:
		return replicas.Measurement{}, fmt.Errorf("the scaler has %d metrics for this trigger, more than %d", n, maxMetrics)
	}
	m := replicas.Measurement{Active: answer.GetActive()}
	for _, from := range answer.GetMetrics() {
		name := printable.Line(from.GetName(), bridgeclient.MaxReasonBytes)
		value, valid := number(from.GetValue())
		if !valid {
			return replicas.Measurement{}, fmt.Errorf("the scaler gives metric %q the value %s, which is not a number from 0 on",
				name, printable.Line(from.GetValue(), maxNumber))
		}
		target, valid := number(from.GetTarget())
		if !valid || target.Sign() == 0 {
			return replicas.Measurement{}, fmt.Errorf("the scaler gives metric %q the target %s, which is not above 0",
				name, printable.Line(from.GetTarget(), maxNumber))
		}
		m.Metrics = append(m.Metrics, replicas.Metric{Value: value, Target: target})
	}
	return m, nil
}

// decimal matches a number that is not negative.
var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// number parses an exact decimal text.
func number(text string) (*big.Rat, bool) {
	if len(text) > maxNumber || !decimal.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
