package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/quantity"
)

// reader reads one level from an adapter.
type reader struct {
	api, what string
	read      func(context.Context) (scalers.Milli, error)
}

// Read implements triggers.Reader.
func (r reader) Read(ctx context.Context) (scalers.Milli, error) {
	value, err := r.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", r.what, reason(ctx, r.api, err))
	}
	return value, nil
}

// openObject returns the source of a kubernetes-object trigger. It does no I/O.
func openObject(c ObjectConfig, env triggers.Env) (triggers.Source, error) {
	if env.Metrics == nil {
		return nil, errNoCluster
	}
	object, metric, ages := c.object(), query(env.Namespace, c.MetricName, c.MetricSelector), agesOf(env)
	read := func(ctx context.Context) (scalers.Milli, error) {
		value, err := env.Metrics.ObjectMetric(ctx, object, metric)
		if err != nil {
			return 0, err
		}
		return ages.value(value.Value, value.Timestamp, value.WindowSeconds)
	}
	what := fmt.Sprintf("metric %s of %s %s", c.MetricName, c.ObjectKind, c.ObjectName)
	q := key(customAPI, "kubernetes-object", env.Namespace, object.String(), object.Name, metric.Name, metric.Selector)
	return triggers.Poll(q, reader{customAPI, what, read}, env), nil
}

// openExternal returns the source of a kubernetes-external trigger. It does no I/O.
func openExternal(c ExternalConfig, env triggers.Env) (triggers.Source, error) {
	if env.Metrics == nil {
		return nil, errNoCluster
	}
	metric, ages := query(env.Namespace, c.MetricName, c.MetricSelector), agesOf(env)
	read := func(ctx context.Context) (scalers.Milli, error) {
		list, err := env.Metrics.ExternalMetric(ctx, metric)
		if err != nil {
			return 0, err
		}
		return ages.sum(list.Items)
	}
	q := key(externalAPI, "kubernetes-external", env.Namespace, metric.Name, metric.Selector)
	return triggers.Poll(q, reader{externalAPI, "external metric " + c.MetricName, read}, env), nil
}

// sum returns the sum over all series of a metric, saturating. Each must be known.
func (a ages) sum(series []externalmetrics.ExternalMetricValue) (scalers.Milli, error) {
	if len(series) == 0 {
		return 0, errors.New("the answer has no series: no data, or no series that metricSelector selects")
	}
	var total scalers.Milli
	for i := range series {
		value, err := a.value(series[i].Value, series[i].Timestamp, series[i].WindowSeconds)
		if err != nil {
			return 0, err
		}
		total = plus(total, value)
	}
	return total, nil
}

// plus returns a + b, saturating.
func plus(a, b scalers.Milli) scalers.Milli {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	default:
		return a + b
	}
}

// minMaxAge is the least age that makes a value too old. Some adapters serve values that their source has only after minutes.
const minMaxAge = 10 * time.Minute

// ages decides which values are too old to count.
type ages struct {
	interval time.Duration
	now      func() time.Time
}

func agesOf(env triggers.Env) ages {
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return ages{env.PollingInterval, now}
}

// value returns a value in thousandths. It is unknown if it is missing or too old.
func (a ages) value(q resource.Quantity, at metav1.Time, windowSeconds *int64) (scalers.Milli, error) {
	if limit := a.limit(windowSeconds); !at.IsZero() && a.now().Sub(at.Time) > limit {
		return 0, triggers.VaryingErrorf("the value is of %s, more than %s ago: does the adapter still get data?", at.UTC().Format(time.RFC3339), limit)
	}
	value, ok := quantity.Milli(q)
	if !ok {
		return 0, errors.New("the answer has no value")
	}
	return value, nil
}

// limit returns the greatest age that counts: three times the polling interval or the window of the value, and minMaxAge at least.
func (a ages) limit(windowSeconds *int64) time.Duration {
	return max(3*a.interval, 3*window(windowSeconds), minMaxAge)
}

// window returns the window of a value. Without one it is that which a HorizontalPodAutoscaler assumes.
func window(seconds *int64) time.Duration {
	const longest = 24 * 60 * 60
	if seconds == nil {
		return time.Minute
	}
	return time.Duration(min(max(*seconds, 0), longest)) * time.Second
}
