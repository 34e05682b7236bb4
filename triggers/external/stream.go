package external

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/scalers"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

const (
	// firstRetry is the delay before the first repetition of what failed, and lastRetry the longest one.
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
	// unimplementedRetry is the delay before a stream is opened again that the server does not implement.
	unimplementedRetry = 5 * time.Minute
	// openAfter is how long a stream has to last before it counts as open although the server has sent nothing.
	openAfter = time.Second
)

// reasonNotStreaming is the reason of the notice that the server does not stream.
const reasonNotStreaming = "NotStreaming"

// signals connects the streams of a trigger to its readings.
type signals struct {
	// changed has a value if a reading is due.
	changed chan struct{}

	mu sync.Mutex
	// active is the last activity that the server has streamed since the last successful reading began.
	active bool
	// broken is why the stream of activity could not be kept open; nil while it is open.
	broken error
}

func newSignals() *signals { return &signals{changed: make(chan struct{}, 1)} }

// signal makes a reading due.
func (s *signals) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// received records activity that was streamed.
func (s *signals) received(active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = active
}

// drain returns and resets the streamed activity, when a reading begins.
func (s *signals) drain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	active := s.active
	s.active = false
	return active
}

// restore undoes drain, after a reading that failed.
func (s *signals) restore(active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = s.active || active
}

// opened records that the stream of activity is open.
func (s *signals) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		s.broken = nil
		s.signal() // The notice ends.
	}
}

// ended records why the stream of activity has ended before it counted as open.
func (s *signals) ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// notice returns the remark that the server does not stream; none while it does.
func (s *signals) notice() scalers.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		return scalers.Notice{}
	}
	return scalers.Notice{Reason: reasonNotStreaming, Text: "changes are noticed only at pollingInterval: " + s.broken.Error()}
}

// follow keeps a stream open until ctx is done. The end of a stream makes a reading due, because the server may be down.
func (s *pushSource) follow(ctx context.Context, stream func(context.Context) error) {
	for attempt := 1; ; attempt++ {
		began := time.Now()
		err := stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastRetry {
			attempt = 1
		}
		delay := retryDelay(attempt)
		if status.Code(err) == codes.Unimplemented {
			delay = unimplementedRetry
		} else {
			s.signals.signal()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// streamActivity makes a reading due for each activity that the server streams. Its error has a status code.
func (s *pushSource) streamActivity(ctx context.Context) error {
	opens := time.AfterFunc(openAfter, s.signals.opened)
	err := receive(ctx, s, pb.ExternalScalerClient.StreamIsActive, func(r *pb.IsActiveResponse) { s.signals.received(r.GetResult()) })
	if opens.Stop() && ctx.Err() == nil {
		s.signals.ended(reason(ctx, "StreamIsActive", err))
	}
	return err
}

// streamTargets makes a reading due whenever the server streams metrics and their targets.
func (s *pushSource) streamTargets(ctx context.Context) error {
	return receive(ctx, s, pb.ExternalScalerClient.StreamMetricSpec, func(*pb.GetMetricSpecResponse) {})
}

// opener is a method of a client that opens a stream.
type opener[T any] func(
	client pb.ExternalScalerClient, ctx context.Context, ref *pb.ScaledObjectRef, options ...grpc.CallOption,
) (grpc.ServerStreamingClient[T], error)

// receive opens a stream and calls received for each message, before a reading is due. It returns when the stream ends.
func receive[T any](ctx context.Context, s *pushSource, open opener[T], received func(*T)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := s.reader.link.streaming()
	if err != nil {
		return err
	}
	stream, err := open(client, ctx, s.reader.ref)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		received(message)
		s.signals.signal()
	}
}

// retryDelay returns the delay before attempt+1, with jitter.
func retryDelay(attempt int) time.Duration {
	delay := min(firstRetry<<min(attempt-1, 16), lastRetry)
	return delay - rand.N(delay/4)
}
