package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// connectTimeout limits connecting to the leader, and forwardTimeout a message with its answer.
	connectTimeout = time.Second
	forwardTimeout = 5 * time.Second
	// probeInterval is the time between two probes of the leader.
	probeInterval = time.Second
	// idleConnections is the number of connections to the leader that stay open. There is no limit on connections in use, as a message would
	// wait for those of other senders, and the leader limits each sender.
	idleConnections = 64
	idleTimeout     = 30 * time.Second
	maxAnswer       = 16 << 10
	// Path is the path of probes.
	Path = "/v1/peer"
	// credentialHeader has the name of the sender's credential.
	credentialHeader = "Impulse-Credential"
)

var (
	errNoLeader  = errors.New("no replica leads")
	errNotProbed = errors.New("the leader has not been probed yet")
)

// Client forwards messages to the leader. It is safe for concurrent use.
type Client struct {
	self   string
	holder func() string
	key    *Key
	log    *slog.Logger

	mu sync.Mutex
	// holderOf is the holder identity that leader and http belong to.
	holderOf string
	leader   leader
	http     *http.Client
	// probeErr is the result of the last probe, and probed the holder that it was sent to.
	probeErr error
	probed   string
}

// NewClient returns a client of the replica with the identity self. holder returns the holder identity of the Lease, as far as this replica
// knows it; "" means none.
func NewClient(self string, holder func() string, key *Key, log *slog.Logger) *Client {
	return &Client{self: self, holder: holder, key: key, log: log, probeErr: errNotProbed}
}

// Ready returns why messages cannot be forwarded, or nil. The result for a former leader does not count.
func (c *Client) Ready() error {
	holder := c.holder()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case holder == "" || holder == c.self:
		return errNoLeader
	case holder != c.probed:
		return errNotProbed
	default:
		return c.probeErr
	}
}

// Run probes the leader every probeInterval until ctx is done. The connection stays open for messages.
func (c *Client) Run(ctx context.Context) error {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		holder := c.holder()
		err := c.probe(ctx)
		c.mu.Lock()
		last := c.probeErr
		c.probeErr, c.probed = err, holder
		c.mu.Unlock()
		if err != nil && !errors.Is(err, errNoLeader) && (last == nil || last.Error() != err.Error()) {
			c.log.Warn("this replica cannot forward messages to the leader", "error", err)
		}
		select {
		case <-ctx.Done():
			c.close()
			return nil
		case <-tick.C:
		}
	}
}

// probe checks that the leader accepts requests of this replica. The leader itself reads the key that the others authenticate with.
func (c *Client) probe(ctx context.Context) error {
	if c.holder() == c.self {
		_, err := c.key.get(ctx, nil)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	answer, err := c.Forward(ctx, Message{Method: http.MethodGet, URI: Path})
	if err == nil && answer.Code != http.StatusOK {
		return fmt.Errorf("the leader answered with %d", answer.Code)
	}
	return err
}

// Forward forwards a message to the leader and returns its answer. It returns an error if no replica leads, the leader does not answer
// within forwardTimeout, or it refuses this replica. The message may have arrived nevertheless.
func (c *Client) Forward(ctx context.Context, m Message) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	response, to, err := c.request(ctx, m)
	if err != nil {
		return Answer{}, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Answer{}, fmt.Errorf("read the answer of the leader at %s: %w", to.address, err)
	}
	return Answer{Code: response.StatusCode, Header: response.Header, Text: string(text)}, nil
}

// Open forwards a message to the leader and returns its answer as soon as its header has arrived, within forwardTimeout. The body may last as
// long as ctx, and the caller closes it. The errors are those of Forward.
func (c *Client) Open(ctx context.Context, m Message) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(forwardTimeout, func() { cancel(context.DeadlineExceeded) })
	response, to, err := c.request(ctx, m)
	if err == nil && !timer.Stop() {
		err = errors.Join(fmt.Errorf("the leader at %s has not answered: %w", to.address, context.DeadlineExceeded), response.Body.Close())
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	response.Body = &openBody{response.Body, cancel}
	return response, nil
}

// openBody is a body that releases its context when it is closed.
type openBody struct {
	io.ReadCloser

	cancel context.CancelCauseFunc
}

// Close implements io.Closer.
func (b *openBody) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// request sends a message to the leader, and once more if the leader refuses the key, which may have been rotated.
func (c *Client) request(ctx context.Context, m Message) (*http.Response, leader, error) {
	to, client, err := c.connect()
	if err != nil {
		return nil, leader{}, err
	}
	var refused []byte
	for range 2 {
		key, err := c.key.get(ctx, refused)
		if err != nil {
			return nil, to, err
		}
		response, err := send(ctx, client, to, key, m)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			return response, to, err
		}
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // So that the connection is used again.
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return nil, to, fmt.Errorf("read the answer of the leader at %s: %w", to.address, err)
		}
		refused = key
	}
	return nil, to, fmt.Errorf("the leader at %s refuses the key of the replicas", to.address)
}

// connect returns the leader and a client for it. It closes the idle connections to a former leader.
func (c *Client) connect() (leader, *http.Client, error) {
	holder := c.holder()
	c.mu.Lock()
	defer c.mu.Unlock()
	if holder == c.holderOf && c.http != nil {
		return c.leader, c.http, nil
	}
	if c.http != nil {
		c.http.CloseIdleConnections()
		c.http = nil
	}
	if holder == "" || holder == c.self {
		return leader{}, nil, errNoLeader
	}
	to, err := parse(holder)
	if err != nil {
		return leader{}, nil, err
	}
	c.holderOf, c.leader, c.http = holder, to, &http.Client{Transport: transport(to), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return to, c.http, nil
}

// transport returns a transport that connects to one leader only, without a proxy.
func transport(to leader) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout: connectTimeout, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout,
		DisableCompression: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS13,
			InsecureSkipVerify: true, // VerifyConnection checks the key instead of the chain.
			VerifyConnection:   to.verify,
		},
	}
}

func (c *Client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// send sends a message, with the key of the replicas instead of the sender's credential.
func send(ctx context.Context, client *http.Client, to leader, key []byte, m Message) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, m.Method, "https://"+to.address+m.URI, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	r.Header = forwardedHeader(m.Header)
	r.Header.Set("Authorization", "Bearer "+base64.RawURLEncoding.EncodeToString(key))
	r.Header.Set(credentialHeader, m.Credential)
	// A nil Idempotency-Key is not sent, and has the transport repeat a request on a connection that the leader has just closed.
	r.Header["Idempotency-Key"] = nil
	response, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("request to the leader at %s: %w", to.address, err)
	}
	return response, nil
}

// hopHeaders are the headers that are not forwarded: credentials, and those of one connection.
var hopHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", credentialHeader, "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Content-Length", "Expect", "Accept-Encoding", "Proxy-Connection", "Idempotency-Key",
}

func forwardedHeader(header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	for _, name := range hopHeaders {
		header.Del(name)
	}
	return header
}
