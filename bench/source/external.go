package source

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

// external is a server with KEDA's protocol. The metadata of a trigger say which level it reads.
type external struct {
	pb.UnimplementedExternalScalerServer

	levels levels
	// changed has a value after each change of a level, for the stream of an external-push trigger.
	changed chan struct{}
}

// GetMetricSpec answers with one metric, whose target is 1.
func (*external) GetMetricSpec(context.Context, *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{MetricName: "jobs", TargetSizeFloat: 1}}}, nil
}

// GetMetrics answers with the level.
func (e *external) GetMetrics(_ context.Context, r *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	n, err := e.levels.find(r.GetScaledObjectRef().GetScalerMetadata()["level"])
	if err != nil {
		return nil, err
	}
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{MetricName: "jobs", MetricValueFloat: float64(n)}}}, nil
}

// IsActive answers that there is work.
func (*external) IsActive(context.Context, *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	return &pb.IsActiveResponse{Result: true}, nil
}

// StreamIsActive streams after each change.
func (e *external) StreamIsActive(_ *pb.ScaledObjectRef, to grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	for {
		select {
		case <-to.Context().Done():
			return to.Context().Err()
		case <-e.changed:
			if err := to.Send(&pb.IsActiveResponse{Result: true}); err != nil {
				return err
			}
		}
	}
}

// startExternal starts the server.
func startExternal(ctx context.Context, h *Host) ([]Source, error) {
	_, s, err := newExternal(ctx, h)
	return []Source{s}, err
}

// StartExternalPush starts a server for one external-push trigger.
func StartExternalPush(ctx context.Context, h *Host) (Source, error) {
	e, s, err := newExternal(ctx, h)
	s.Name, s.Type = "external-push", "external-push"
	s.Set = func(ctx context.Context, i, n int) error {
		if err := e.levels.set(ctx, i, n); err != nil {
			return err
		}
		select {
		case e.changed <- struct{}{}:
		default:
		}
		return nil
	}
	return s, err
}

func newExternal(ctx context.Context, h *Host) (*external, Source, error) {
	e := &external{levels: newLevels(h.Levels), changed: make(chan struct{}, 1)}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, Source{}, fmt.Errorf("listen: %w", err)
	}
	running, done := grpc.NewServer(), make(chan struct{})
	running.RegisterService(&pb.ExternalScaler_ServiceDesc, e)
	go func() {
		defer close(done)
		_ = running.Serve(listener) // It returns when the server stops.
	}()
	h.onClose(func() {
		running.Stop()
		<-done
	})
	address := listener.Addr().String()
	return e, Source{Name: "external", Type: "external", Address: address, Set: e.levels.set, Metadata: func(i int) map[string]string {
		return map[string]string{"scalerAddress": address, "level": strconv.Itoa(i)}
	}}, nil
}

// bareExternal sends the three requests that one reading needs.
func bareExternal(_ context.Context, address string) (Read, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	client := pb.NewExternalScalerClient(conn)
	return func(ctx context.Context, i int) (float64, error) {
		ref := &pb.ScaledObjectRef{Name: "app", Namespace: "shop", ScalerMetadata: map[string]string{"scalerAddress": address, "level": strconv.Itoa(i)}}
		specs, err := client.GetMetricSpec(ctx, ref)
		if err := only(len(specs.GetMetricSpecs()), err); err != nil {
			return 0, err
		}
		values, err := client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: specs.GetMetricSpecs()[0].GetMetricName()})
		if err := only(len(values.GetMetricValues()), err); err != nil {
			return 0, err
		}
		_, err = client.IsActive(ctx, ref)
		return values.GetMetricValues()[0].GetMetricValueFloat(), err
	}, nil
}
