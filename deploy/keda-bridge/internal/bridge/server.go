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
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/cloudvaults"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

const (
	// maxReading bounds the time of a reading whose caller waits longer.
	maxReading = 30 * time.Second
	// maxText bounds an error's text, in bytes.
	maxText = 1000
)

// Server reads triggers and vaults.
type Server struct {
	bridgeapi.UnimplementedBridgeServer

	types  map[string]kedatypes.Constructor
	pool   *pool
	vaults map[string]cloudvaults.Read
	// reading has room for the vaults that are read at a time.
	reading chan struct{}
}

// New returns a server that reads these types.
func New(types map[string]kedatypes.Constructor) *Server {
	return &Server{types: types, pool: newPool(time.Now), vaults: cloudvaults.All(), reading: make(chan struct{}, maxVaults)}
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
	if err := checkVersion(r.GetVersion()); err != nil {
		return nil, err
	}
	construct, ok := s.types[r.GetType()]
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "KEDA 2.21 has no type %q that Impulse lacks", r.GetType())
	}
	ctx, cancel := context.WithTimeout(ctx, maxReading)
	defer cancel()
	answer, err := s.pool.read(ctx, r, construct)
	if err != nil {
		return nil, withoutSecrets(err, texts(r.GetParameters()), r.GetEnvironment())
	}
	return answer, nil
}

// checkVersion returns the status of a request with another version; nil for the version of this bridge.
func checkVersion(theirs bridgeapi.Version) error {
	if theirs == bridgeapi.Version_VERSION_CURRENT {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition,
		"the KEDA bridge speaks version %d of the protocol, and Impulse version %d: run the impulse-keda-bridge of the same release as Impulse",
		bridgeapi.Version_VERSION_CURRENT, theirs)
}

// codeError is an error with a code other than Unavailable.
type codeError struct {
	code codes.Code
	err  error
}

// Error implements error.
func (e *codeError) Error() string { return e.err.Error() }

// withoutSecrets returns the status of an error, in whose text credentials are replaced.
func withoutSecrets(err error, credentials ...map[string]string) error {
	code := codes.Unavailable
	if e, ok := errors.AsType[*codeError](err); ok {
		code = e.code
	}
	text := redact(err.Error(), secretsIn(credentials))
	if len(text) > maxText {
		text = text[:maxText]
	}
	return status.Error(code, strings.ToValidUTF8(text, "?"))
}

// secretsIn returns the texts of credentials that must not be repeated, the longest first.
func secretsIn(credentials []map[string]string) []string {
	var all []string
	for _, values := range credentials {
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
