package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

const (
	// maxReading bounds the time of a reading whose caller waits longer.
	maxReading = 30 * time.Second
	// maxText bounds an error's text, in bytes.
	maxText = 1000
)

// Server reads triggers.
type Server struct {
	bridgeapi.UnimplementedBridgeServer

	types map[string]kedatypes.Constructor
	pool  *pool
}

// New returns a server that reads these types.
func New(types map[string]kedatypes.Constructor) *Server {
	return &Server{types: types, pool: newPool(time.Now)}
}

// Run closes scalers that are no longer used, until ctx is done, and then all of them.
func (s *Server) Run(ctx context.Context) {
	tick := time.NewTicker(maxUnused / 10)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.pool.close() //nolint:contextcheck // The context has ended.
			return
		case <-tick.C:
			s.pool.closeUnused() //nolint:contextcheck // To close one takes a bounded time.
		}
	}
}

// Read reads one trigger.
func (s *Server) Read(ctx context.Context, r *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
	if r.GetVersion() != bridgeapi.Version_VERSION_CURRENT {
		return nil, status.Errorf(codes.FailedPrecondition,
			"the KEDA bridge speaks version %d of the protocol, and Impulse version %d: run the impulse-keda-bridge of the same release as Impulse",
			bridgeapi.Version_VERSION_CURRENT, r.GetVersion())
	}
	construct, ok := s.types[r.GetType()]
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "KEDA 2.21 has no type %q that Impulse lacks", r.GetType())
	}
	ctx, cancel := context.WithTimeout(ctx, maxReading)
	defer cancel()
	answer, err := s.pool.read(ctx, r, construct)
	if err != nil {
		return nil, withoutSecrets(r, err)
	}
	return answer, nil
}

// codeError is an error with a code other than Unavailable.
type codeError struct {
	code codes.Code
	err  error
}

// Error implements error.
func (e *codeError) Error() string { return e.err.Error() }

// withoutSecrets returns the status of an error, in whose text credentials are replaced.
func withoutSecrets(r *bridgeapi.ReadRequest, err error) error {
	code := codes.Unavailable
	if e, ok := errors.AsType[*codeError](err); ok {
		code = e.code
	}
	text := redact(err.Error(), secretsOf(r))
	if len(text) > maxText {
		text = text[:maxText]
	}
	return status.Error(code, strings.ToValidUTF8(text, "?"))
}

// secretsOf returns the texts of a request that must not be repeated, the longest first.
func secretsOf(r *bridgeapi.ReadRequest) []string {
	var all []string
	for _, values := range []map[string]string{r.GetParameters(), r.GetEnvironment()} {
		for _, value := range values {
			all = append(all, forms(value)...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// errStillRunning is the reason why a trigger is not read.
var errStillRunning = errors.New("its previous reading has not ended: KEDA's scaler ignores its deadline")

// busy returns an error for a bound that is reached.
func busy(format string, arguments ...any) error {
	return &codeError{codes.ResourceExhausted, fmt.Errorf(format, arguments...)}
}
