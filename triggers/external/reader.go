package external

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/impulse-sh/impulse/triggers"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

const (
	// maxMetrics is the maximum number of metrics of one trigger, and maxValues that of the values of one metric.
	maxMetrics = 32
	maxValues  = 1000
)

// reader reads one trigger of a server.
type reader struct {
	link *link
	ref  *pb.ScaledObjectRef
}

func newReader(c Config, env triggers.Env) *reader {
	return &reader{
		link: &link{config: c, env: env},
		ref:  &pb.ScaledObjectRef{Name: env.Object, Namespace: env.Namespace, ScalerMetadata: c.Metadata},
	}
}

// read reads all metrics and whether there is work.
func (r *reader) read(ctx context.Context) (replicas.Measurement, error) {
	m, err := r.measure(ctx)
	if err != nil {
		return replicas.Measurement{}, fmt.Errorf("read %s: %w", r.link.config.address(), err)
	}
	return m, nil
}

func (r *reader) measure(ctx context.Context) (replicas.Measurement, error) {
	client, err := r.link.client(ctx)
	if err != nil {
		return replicas.Measurement{}, err
	}
	answer, err := client.GetMetricSpec(ctx, r.ref)
	if err != nil {
		return replicas.Measurement{}, reason(ctx, "GetMetricSpec", err)
	}
	specs := answer.GetMetricSpecs()
	switch {
	case len(specs) == 0:
		return replicas.Measurement{}, errors.New("the server has no metric for this trigger")
	case len(specs) > maxMetrics:
		return replicas.Measurement{}, fmt.Errorf("the server has %d metrics for this trigger, more than %d", len(specs), maxMetrics)
	}
	var m replicas.Measurement
	for _, spec := range specs {
		measured, err := r.metric(ctx, client, spec)
		if err != nil {
			return replicas.Measurement{}, err
		}
		m.Metrics = append(m.Metrics, measured)
	}
	activity, err := client.IsActive(ctx, r.ref)
	if err != nil {
		return replicas.Measurement{}, reason(ctx, "IsActive", err)
	}
	m.Active = activity.GetResult()
	return m, nil
}

// metric reads the values of one metric. Their sum is the value, as it is for an HPA.
func (r *reader) metric(ctx context.Context, client pb.ExternalScalerClient, spec *pb.MetricSpec) (replicas.Metric, error) {
	name := oneLine(spec.GetMetricName())
	target, err := amount(spec.GetTargetSize(), spec.GetTargetSizeFloat())
	if err != nil || target.Sign() == 0 {
		return replicas.Metric{}, fmt.Errorf("the server gives metric %q the target %s, which is not above 0", name, given(spec.GetTargetSize(), spec.GetTargetSizeFloat()))
	}
	answer, err := client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: r.ref, MetricName: spec.GetMetricName()})
	if err != nil {
		return replicas.Metric{}, reason(ctx, "GetMetrics", err)
	}
	values := answer.GetMetricValues()
	switch {
	case len(values) == 0:
		return replicas.Metric{}, fmt.Errorf("the server has no value of metric %q", name)
	case len(values) > maxValues:
		return replicas.Metric{}, fmt.Errorf("the server has %d values of metric %q, more than %d", len(values), name, maxValues)
	}
	sum := new(big.Rat)
	for _, v := range values {
		value, err := amount(v.GetMetricValue(), v.GetMetricValueFloat())
		if err != nil {
			return replicas.Metric{}, fmt.Errorf("the server gives metric %q the value %s, which %w", name, given(v.GetMetricValue(), v.GetMetricValueFloat()), err)
		}
		sum.Add(sum, value)
	}
	return replicas.Metric{Value: sum, Target: target}, nil
}
