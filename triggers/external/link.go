package external

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/impulse-sh/impulse/triggers"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

const (
	// maxMessageBytes is the maximum size of an answer, and maxHeaderBytes that of its headers.
	maxMessageBytes = 1 << 20
	maxHeaderBytes  = 16 << 10
	// A ping that is not answered within pingTimeout ends a connection, and so does data that is not acknowledged. Servers refuse
	// clients that send pings more often than every five minutes, unless they are configured to accept it.
	pingInterval = 6 * time.Minute
	pingTimeout  = 20 * time.Second
	// maxReconnect is the maximum time between two attempts to connect.
	maxReconnect = 5 * time.Second
)

// errNotConnected is returned for a stream while there is no connection.
var errNotConnected = errors.New("there is no connection yet")

// secrets are the parameters of the authenticationRef.
type secrets struct{ ca, cert, key string }

// tls reports whether they require TLS.
func (s secrets) tls() bool { return s.ca != "" || s.cert != "" }

// link is one trigger's use of a shared connection, which it keeps between two readings.
type link struct {
	config Config
	env    triggers.Env

	mu      sync.Mutex
	used    secrets
	conn    *grpc.ClientConn
	release func()
}

// client returns a client with the current credentials, for a reading. There is one reading at a time. If the credentials have changed,
// it replaces the connection, which ends the streams.
func (l *link) client(ctx context.Context) (pb.ExternalScalerClient, error) {
	current, err := l.secrets(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if errors.Is(err, triggers.ErrNotAllowed) {
			l.closeLocked()
		}
		return nil, err
	}
	if l.conn == nil || current != l.used {
		conn, release, err := triggers.Acquire(l.env.Pool, connectionKey(l.config, current), func() (*grpc.ClientConn, error) {
			return dial(l.config, current, l.env)
		})
		if err != nil {
			return nil, err
		}
		l.closeLocked()
		l.used, l.conn, l.release = current, conn, release
	}
	return pb.NewExternalScalerClient(l.conn), nil
}

// streaming returns a client for a stream. It uses the connection of the readings, which check the credentials.
func (l *link) streaming() (pb.ExternalScalerClient, error) {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn == nil {
		return nil, errNotConnected
	}
	return pb.NewExternalScalerClient(conn), nil
}

// close releases the connection.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLocked()
}

// closeLocked is like close; the caller must hold mu.
func (l *link) closeLocked() {
	if l.conn != nil {
		l.release()
		l.conn, l.release = nil, nil
	}
}

// secrets reads the current credentials.
func (l *link) secrets(ctx context.Context) (secrets, error) {
	values, err := l.env.Secrets.Read(ctx, "caCert", "tlsClientCert", "tlsClientKey")
	return secrets{ca: values["caCert"], cert: values["tlsClientCert"], key: values["tlsClientKey"]}, err
}

// connectionKey is the key of a connection in the pool. It does not reveal the credentials.
func connectionKey(c Config, s secrets) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%q", []string{s.ca, s.cert, s.key}))
	parts := []string{"external", c.address(), strconv.FormatBool(c.EnableTLS), strconv.FormatBool(c.UnsafeSSL), string(digest[:])}
	return strings.Join(parts, "\x00")
}

// dial returns a connection that connects when it is first used, and again whenever it is lost.
func dial(c Config, s secrets, env triggers.Env) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if c.EnableTLS || s.tls() {
		config, err := triggers.TLSConfig(s.ca, s.cert, s.key, c.UnsafeSSL)
		if err != nil {
			return nil, fmt.Errorf("caCert, tlsClientCert and tlsClientKey: %w", err)
		}
		transport = credentials.NewTLS(config)
	}
	open := env.Dial
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay, reconnect.MaxDelay = reconnect.BaseDelay/5, maxReconnect
	return grpc.NewClient("passthrough:///"+c.address(),
		grpc.WithTransportCredentials(transport),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return open(ctx, "tcp", address) }),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("impulse"),
		grpc.WithMaxHeaderListSize(maxHeaderBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingInterval, Timeout: pingTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: maxReconnect}),
	)
}
