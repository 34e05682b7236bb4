package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const (
	// readTimeout limits one reading, and exchangeTimeout the connection to one broker, and one request to it and its answer.
	readTimeout     = 10 * time.Second
	exchangeTimeout = 3 * time.Second
	// retries is how often a request is sent again, retryAfter later, while a leader or a coordinator moves. Each bootstrap server that
	// cannot be reached is one more.
	retries    = 2
	retryAfter = 100 * time.Millisecond
	// idleTime is how long a connection may be idle: less than routers between usually allow.
	idleTime = time.Minute
	// maxAnswerBytes is the maximum size of one answer, that of some 200 000 partitions.
	maxAnswerBytes = 16 << 20
	// maxRecordBytes is less than maxAnswerBytes, as the library needs it. No records are read.
	maxRecordBytes = 1 << 20
)

var (
	errNoReading = fmt.Errorf("no answer within %s", readTimeout)
	errNoConnect = fmt.Errorf("no connection within %s", exchangeTimeout)
)

// session is a client with one set of credentials, which finds the brokers and keeps a connection to each.
type session struct {
	access access
	client *kgo.Client
	// users is guarded by connection.mu.
	users int
}

// newSession returns a session that connects when it is first used. It ends with close or with life.
func newSession(life context.Context, a access, open dial, web *http.Client) (*session, error) {
	config, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	servers := strings.Split(a.servers, ",")
	options := []kgo.Opt{
		kgo.WithContext(life), kgo.SeedBrokers(servers...), kgo.Dialer(secure(open, config)),
		kgo.ClientID("impulse"),
		// Brokers before 0.11 may create a topic that they are asked about.
		kgo.MinVersions(kversion.V0_11_0()), kgo.DisableClientMetrics(),
		kgo.RequestTimeoutOverhead(exchangeTimeout), kgo.ConnIdleTimeout(idleTime),
		kgo.RetryTimeout(readTimeout + exchangeTimeout), // The reading ends before, for its own reason.
		kgo.RequestRetries(retries + len(servers)), kgo.RetryBackoffFn(func(int) time.Duration { return retryAfter }),
		kgo.BrokerMaxReadBytes(maxAnswerBytes), kgo.FetchMaxBytes(maxRecordBytes),
	}
	login, err := a.login(life, web)
	if err != nil {
		return nil, err
	}
	if login != nil {
		options = append(options, kgo.SASL(login))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	return &session{access: a, client: client}, nil
}

// close closes all connections. Requests in progress fail. It may be called more than once.
func (s *session) close() { s.client.Close() }

// secure returns a dial for one broker, with TLS if config is not nil.
func secure(open dial, config *tls.Config) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, exchangeTimeout, errNoConnect)
		defer cancel()
		conn, err := open(ctx, network, address)
		if err != nil {
			return nil, because(ctx, err)
		}
		if config == nil {
			return conn, nil
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		verified := config.Clone()
		verified.ServerName = host
		encrypted := tls.Client(conn, verified)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS handshake: %w", because(ctx, err))
		}
		return encrypted, nil
	}
}

// because returns why ctx is done, or else err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
