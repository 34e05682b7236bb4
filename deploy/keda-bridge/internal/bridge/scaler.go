package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"google.golang.org/grpc/codes"
	"gopkg.in/inf.v0"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

// closeTime bounds the time in which a scaler has to close.
const closeTime = 5 * time.Second

// scaler is a scaler of KEDA.
type scaler struct {
	keda        scalers.Scaler
	credentials digest
	// end ends the context that the scaler was constructed with.
	end context.CancelFunc
}

// read reads the trigger of a slot. It constructs the scaler if there is none with these credentials. A scaler that fails is closed, as in
// KEDA, because its connection may be the reason.
func (s *slot) read(
	ctx context.Context, r *bridgeapi.ReadRequest, credentials digest, construct kedatypes.Constructor,
) (answer *bridgeapi.ReadResponse, err error) {
	defer func() { //nolint:contextcheck // A scaler is closed after the end of the reading.
		if cause := recover(); cause != nil {
			err = &codeError{codes.Internal, fmt.Errorf("KEDA's scaler panics: %v", cause)}
		}
		if err != nil {
			s.close()
		}
	}()
	if s.scaler != nil && s.scaler.credentials != credentials {
		s.close() //nolint:contextcheck // As above.
	}
	if s.scaler == nil {
		if err := s.open(ctx, r, credentials, construct); err != nil {
			return nil, &codeError{codes.InvalidArgument, fmt.Errorf("KEDA's scaler does not start: %w", err)}
		}
	}
	return measure(ctx, s.scaler.keda)
}

// open constructs the scaler. Its context outlives ctx, because some scalers keep it.
func (s *slot) open(ctx context.Context, r *bridgeapi.ReadRequest, credentials digest, construct kedatypes.Constructor) error {
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, end)
	opened := false
	defer func() {
		if !opened {
			end()
		}
	}()
	constructed, err := construct(lasting, configOf(r))
	if err != nil {
		return err
	}
	opened = true
	s.scaler = &scaler{keda: constructed, credentials: credentials, end: end}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// close closes the scaler, if there is one. Its error does not matter: nobody uses it any more.
func (s *slot) close() {
	closing := s.scaler
	s.scaler = nil
	if closing == nil {
		return
	}
	defer func() { _ = recover() }()
	defer closing.end()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = closing.keda.Close(ctx)
}

// measure reads all metrics of a scaler. A trigger is active if one of them is.
func measure(ctx context.Context, keda scalers.Scaler) (*bridgeapi.ReadResponse, error) {
	answer := &bridgeapi.ReadResponse{Version: bridgeapi.Version_VERSION_CURRENT}
	for _, spec := range keda.GetMetricSpecForScaling(ctx) {
		if spec.External == nil {
			return nil, fmt.Errorf("KEDA's scaler has a metric of type %s", spec.Type)
		}
		name := spec.External.Metric.Name
		target, err := targetOf(&spec.External.Target)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		values, active, err := keda.GetMetricsAndActivity(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(values) == 0 {
			return nil, fmt.Errorf("KEDA's scaler has no value of metric %s", name)
		}
		sum := new(inf.Dec)
		for i := range values {
			value := values[i].Value
			if err := noNumber(&value); err != nil {
				return nil, fmt.Errorf("metric %s: %w", name, err)
			}
			sum.Add(sum, value.AsDec())
		}
		answer.Metrics = append(answer.Metrics, &bridgeapi.Metric{Name: name, Value: sum.String(), Target: target})
		answer.Active = answer.Active || active
	}
	return answer, nil
}

// noNumber returns an error if a value is what KEDA's scalers give instead of a level that is no number or negative. They use KEDA's function
// GenerateMetricInMili, which gives the quantity that it parses from "0". A level of 0 has three places: it is parsed from "0.000".
// A conversion of NaN, or of a number that is too large, to an integer gives the smallest or the largest one, in whole numbers or thousandths.
func noNumber(value *resource.Quantity) error {
	if level := value.AsDec(); level.Sign() == 0 && level.Scale() == 0 {
		return errors.New("KEDA's scaler read a level that is no number, infinite or negative")
	}
	for _, scale := range []resource.Scale{0, resource.Milli} {
		whole := *value
		if n := whole.ScaledValue(scale); (n == math.MinInt64 || n == math.MaxInt64) && resource.NewScaledQuantity(n, scale).Cmp(whole) == 0 {
			return fmt.Errorf("KEDA's scaler gives %s, which stands for no number", value.AsDec())
		}
	}
	return nil
}

// targetOf returns the target of a metric.
func targetOf(target *autoscalingv2.MetricTarget) (string, error) {
	switch {
	case target.AverageValue != nil:
		return target.AverageValue.AsDec().String(), nil
	case target.Value != nil:
		return target.Value.AsDec().String(), nil
	default:
		return "", errors.New("KEDA's scaler gives it no target")
	}
}
