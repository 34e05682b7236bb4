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
	// connectTimeout bounds how long a leader that does not answer is waited for, and forwardTimeout a message and its answer.
	connectTimeout = time.Second
	forwardTimeout = 5 * time.Second
	// checkEvery is how often a replica that does not lead makes sure that it reaches the leader.
	checkEvery = time.Second
	// idleConnections are kept open to the leader, which answers a message when it is durable. More are opened when they are
	// needed: a message that waited for one would wait behind those of other senders, whose limits are the receiver's.
	idleConnections = 64
	idleTimeout     = 30 * time.Second
	maxAnswer       = 16 << 10
	// Path is what a replica asks of the leader to see that it is heard.
	Path = "/v1/peer"
	// credentialHeader has the name of the credential that was shown.
	credentialHeader = "Impulse-Credential"
)

var (
	errNobodyLeads = errors.New("nobody leads")
	errNotChecked  = errors.New("the leader has not been asked yet")
)

// Client passes messages on to the leader.
type Client struct {
	self   string
	holder func() string
	key    *Key
	log    *slog.Logger

	mu sync.Mutex
	// to is the leader that the connections lead to, as the Lease calls it.
	to     string
	leader leader
	http   *http.Client
	// reach is what came of asking the holder asked.
	reach error
	asked string
}

// NewClient returns a client for the replica self. holder is who holds the Lease, as far as this replica knows; "" is nobody.
func NewClient(self string, holder func() string, key *Key, log *slog.Logger) *Client {
	return &Client{self: self, holder: holder, key: key, log: log, reach: errNotChecked}
}

// Ready says why messages cannot be passed on, or nil. What was heard of a former leader says nothing of the next one.
func (c *Client) Ready() error {
	holder := c.holder()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case holder == "" || holder == c.self:
		return errNobodyLeads
	case holder != c.asked:
		return errNotChecked
	default:
		return c.reach
	}
}

// Run makes sure again and again that the leader is reached, until ctx is done. The connection stays open for what is passed
// on.
func (c *Client) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		asked := c.holder()
		err := c.check(ctx)
		c.mu.Lock()
		said := c.reach
		c.reach, c.asked = err, asked
		c.mu.Unlock()
		if err != nil && !errors.Is(err, errNobodyLeads) && (said == nil || said.Error() != err.Error()) {
			c.log.Warn("replicas cannot pass deliveries on to the leader", "error", err)
		}
		select {
		case <-ctx.Done():
			c.close()
			return nil
		case <-tick.C:
		}
	}
}

// check asks the leader whether it hears this replica. A replica that leads has nobody to ask, and reads the key that others
// will show it.
func (c *Client) check(ctx context.Context) error {
	if c.holder() == c.self {
		_, err := c.key.get(ctx, nil)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	answer, err := c.Forward(ctx, Message{Method: http.MethodGet, URI: Path})
	if err == nil && answer.Code != http.StatusOK {
		return fmt.Errorf("the leader answers with %d", answer.Code)
	}
	return err
}

// Forward passes a message on to the leader and returns its answer. It is an error when nobody leads, or the leader has not
// answered in time, or refuses this replica: whether the message has arrived may be unknown then.
func (c *Client) Forward(ctx context.Context, m Message) (Answer, error) {
	to, client, err := c.leads()
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	var refused []byte
	for range 2 {
		key, err := c.key.get(ctx, refused)
		if err != nil {
			return Answer{}, err
		}
		answer, err := send(ctx, client, to, key, m)
		if err != nil || answer.Code != http.StatusUnauthorized {
			return answer, err
		}
		refused = key // It may have been rotated.
	}
	return Answer{}, fmt.Errorf("the leader at %s refuses the key of the replicas", to.address)
}

// leads returns where to send to. The connections to a former leader are given up.
func (c *Client) leads() (leader, *http.Client, error) {
	holder := c.holder()
	c.mu.Lock()
	defer c.mu.Unlock()
	if holder == c.to && c.http != nil {
		return c.leader, c.http, nil
	}
	if c.http != nil {
		c.http.CloseIdleConnections()
		c.http = nil
	}
	if holder == "" || holder == c.self {
		return leader{}, nil, errNobodyLeads
	}
	to, err := parse(holder)
	if err != nil {
		return leader{}, nil, err
	}
	c.to, c.leader, c.http = holder, to, &http.Client{Transport: transport(to), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return to, c.http, nil
}

// transport connects to one leader only, by no proxy.
func transport(to leader) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout: connectTimeout, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTimeout,
		DisableCompression: true,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS13,
			InsecureSkipVerify: true, // What a chain would say does not matter: VerifyConnection knows the key.
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

// send sends a message with the key of the replicas in the place of what its sender has shown.
func send(ctx context.Context, client *http.Client, to leader, key []byte, m Message) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, m.Method, "https://"+to.address+m.URI, bytes.NewReader(m.Body))
	if err != nil {
		return Answer{}, err
	}
	r.Header = passedOn(m.Header)
	r.Header.Set("Authorization", "Bearer "+base64.RawURLEncoding.EncodeToString(key))
	r.Header.Set(credentialHeader, m.Credential)
	// Nothing is sent, but a connection that the leader has just closed is no failure: what arrives twice counts once.
	r.Header["Idempotency-Key"] = nil
	response, err := client.Do(r)
	if err != nil {
		return Answer{}, fmt.Errorf("ask the leader at %s: %w", to.address, err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Answer{}, fmt.Errorf("read the answer of the leader at %s: %w", to.address, err)
	}
	return Answer{Code: response.StatusCode, Text: string(text)}, nil
}

// stays are the fields of a header that do not go along: what a sender has shown is for whom it was shown to, and the rest is
// about one connection.
var stays = []string{
	"Authorization", "Proxy-Authorization", "Cookie", credentialHeader, "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Content-Length", "Expect", "Accept-Encoding", "Proxy-Connection", "Idempotency-Key",
}

func passedOn(header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	for _, name := range stays {
		header.Del(name)
	}
	return header
}
