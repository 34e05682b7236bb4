package bridgeclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

const (
	// MaxMessageBytes is the maximum size of an answer, unless a call has another one.
	MaxMessageBytes = 64 << 10
	// maxHeaderBytes is the maximum size of its headers.
	maxHeaderBytes = 16 << 10
	// MaxReasonBytes is the maximum length of the bridge's message in a reason.
	MaxReasonBytes = 300
	// maxReconnect is the maximum time between two attempts to connect. They are cheap, and the bridge may have restarted.
	maxReconnect = time.Second
)

// Acquire returns the connection to the bridge at an address, which all users of a pool share, and a function that releases it.
func Acquire(p *triggers.Pool, address string) (*grpc.ClientConn, func(), error) {
	return triggers.Acquire(p, "keda\x00"+address, func() (*grpc.ClientConn, error) { return Dial(address) })
}

// Dial returns a connection to the bridge that connects when it is first used, and again whenever it is lost. It does not use Env.Dial:
// triggers may not connect to this machine, but the bridge is not an address that a trigger names.
func Dial(text string) (*grpc.ClientConn, error) {
	address, err := bridgeaddr.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--keda-bridge: %w", err)
	}
	reconnect := backoff.Config{BaseDelay: maxReconnect / 10, Multiplier: 2, MaxDelay: maxReconnect}
	return grpc.NewClient("passthrough:///keda-bridge",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, address.Network, address.Path)
		}),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("impulse"),
		grpc.WithMaxHeaderListSize(maxHeaderBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessageBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: maxReconnect}),
	)
}

// CheckVersion returns the reason why a bridge is refused; nil if it is of the same version.
func CheckVersion(theirs bridgeapi.Version) error {
	if theirs == bridgeapi.Version_VERSION_CURRENT {
		return nil
	}
	return fmt.Errorf("the KEDA bridge speaks version %d of the protocol, and Impulse version %d: run the impulse-keda-bridge of the same release as Impulse",
		theirs, bridgeapi.Version_VERSION_CURRENT)
}

// Reason returns an error of a call in one line.
func Reason(ctx context.Context, err error) error {
	s := status.Convert(err)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the KEDA bridge: %w", context.Cause(ctx))
	case s.Code() == codes.DeadlineExceeded: // The bridge knows the deadline, and may notice its end first.
		return fmt.Errorf("wait for the KEDA bridge: %w", context.DeadlineExceeded)
	}
	text := printable.Line(s.Message(), MaxReasonBytes)
	switch s.Code() {
	case codes.InvalidArgument, codes.Unavailable, codes.FailedPrecondition: // The text says all.
		return errors.New(text)
	case codes.Unimplemented:
		return fmt.Errorf("the KEDA bridge does not have it: %s", text)
	default:
		return fmt.Errorf("%s: %s", s.Code(), text)
	}
}
