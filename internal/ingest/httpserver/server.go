// Package httpserver is Impulse's HTTP side: the doors through which alerts come in, health and metrics.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
)

const (
	// DefaultMaxBody bounds the body of a route that says nothing else, in bytes.
	DefaultMaxBody = 1 << 20
	maxHeader      = 32 << 10
	// maxConnections bounds the connections to each listener, and maxProbes those to the listener of probes.
	maxConnections = 1024
	maxProbes      = 64
	// headerTimeout bounds a header, and readTimeout a whole request, slow senders included. Once it is there it is answered
	// within answerTimeout, or longestAnswer where others are asked first.
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	answerTimeout = 900 * time.Millisecond
	longestAnswer = 10 * time.Second
	idleTimeout   = time.Minute
	stopTimeout   = 5 * time.Second
)

// Options are what the server needs of the process.
type Options struct {
	Addr string
	// HealthAddr is where probes are answered as well, whatever senders do at Addr: /healthz and /readyz, as plain HTTP; "" is
	// nowhere.
	HealthAddr string
	// BodyMemory bounds the bytes that the bodies of all requests in flight take, decoded; 0 is DefaultBodyMemory.
	BodyMemory int64
	// Credentials let requests in; nil is nobody, and on loopback everybody. AllowOpen and AllowAnywhere together let
	// everybody in on any address.
	Credentials              *auth.Credentials
	AllowOpen, AllowAnywhere bool
	// TLS is what the server shows; nil is plain HTTP.
	TLS *TLS
	// Receiver decodes and records the messages.
	Receiver *endpoints.Receiver
	// Leading: only the leader records deliveries. The others pass them on by Forward; where that is nil they answer 503, and
	// the sender tries again.
	Leading func() bool
	Forward Forwarder
	// Peers is where other replicas come in, and AuthenticatePeer returns the name of the credential that one has checked, or
	// peer.ErrRefused; nil: they do not.
	Peers            *forward.Self
	AuthenticatePeer func(*http.Request) (string, error)
	// Ready returns why the process is not ready, or nil.
	Ready func() error
	// Refused is called with the namespace that a refused request names and the reason, once an hour for each namespace; nil: it
	// is logged only. It must not block.
	Refused func(namespace, why string)
	// Full says for whom there was no room of late, and by which bound: a line each; nil says nothing.
	Full     func() []string
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
}

// Server serves HTTP.
type Server struct {
	options Options
	metrics *metrics
	// listener and http are for everybody, health for probes, and peers for the other replicas; the last two are nil when they do
	// not come in.
	listener, probes    net.Listener
	http, health, peers *http.Server
	anonymous           *auth.AnonymousRates
	limiter             loglimit.Limiter
	slots               slots
	memory              *memory
}

// New listens, but serves nobody yet. It refuses an address beyond loopback without tokens: whoever reaches it could scale.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := guarded(o); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	s := &Server{
		options: o, listener: listener, metrics: newMetrics(o.Registry), memory: newMemory(o.BodyMemory),
		anonymous: auth.NewAnonymousRates(), slots: slots{inUse: map[auth.Principal]int{}},
	}
	if o.TLS != nil {
		s.listener = o.TLS.listen(listener)
	}
	s.http = s.limits(s.public(), "public", maxConnections)
	if o.HealthAddr != "" {
		if s.probes, err = lc.Listen(ctx, "tcp", o.HealthAddr); err != nil {
			return nil, errors.Join(fmt.Errorf("listen for probes (--health-listen): %w", err), listener.Close())
		}
		s.health = s.limits(s.probed(), "health", maxProbes)
		s.health.SetKeepAlivesEnabled(false)
	}
	if o.Peers != nil {
		s.peers = s.limits(s.private(), "peer", maxConnections)
	}
	return s, nil
}

// limits makes an HTTP server that waits for nobody for long, and has so many connections at most. It speaks HTTP/1.1 only:
// one request of a connection at a time is what the limits count.
func (s *Server) limits(h http.Handler, name string, most int) *http.Server {
	room := newConnections(most, s.metrics.closed.WithLabelValues(name))
	one := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + longestAnswer,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		ConnContext: room.opened, ConnState: room.changed, Protocols: new(http.Protocols),
	}
	one.Protocols.SetHTTP1(true)
	return one
}

// guarded refuses an open door on an address that others reach, unless told twice.
func guarded(o Options) error {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return fmt.Errorf("--listen is %q: expected host:port", o.Addr)
	}
	ip := net.ParseIP(host)
	if o.Credentials != nil || o.AllowOpen && o.AllowAnywhere || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s is reached by others, and nobody would be asked who they are: whoever reaches it could scale. "+
		"Give --credentials-file or --tokens-file; or, if that is what you want, both --allow-unauthenticated and --allow-unauthenticated-from-anywhere", o.Addr)
}

// Addr is the address that is listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// HealthAddr is the address of the listener of probes, "" when there is none.
func (s *Server) HealthAddr() string {
	if s.probes == nil {
		return ""
	}
	return s.probes.Addr().String()
}

// Run serves until ctx is done, and then finishes what it has begun. Meanwhile it follows the files of credentials and of the
// certificate.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c := s.options.Credentials; c != nil {
		all.Go(func() { c.Follow(ctx, s.options.Log) })
	}
	if c := s.options.TLS; c != nil {
		all.Go(func() { c.Follow(ctx, s.options.Log) })
	}
	var (
		serving sync.WaitGroup
		failed  [3]error
	)
	serve := func(i int, server *http.Server, listener net.Listener) {
		serving.Go(func() {
			failed[i] = serveUntil(ctx, server, listener)
			cancel(failed[i])
		})
	}
	serve(0, s.http, s.listener)
	if s.health != nil {
		serve(1, s.health, s.probes)
	}
	if s.peers != nil {
		serve(2, s.peers, s.options.Peers.Secure(s.options.Peers))
	}
	serving.Wait()
	return errors.Join(failed[:]...)
}

// serveUntil serves until ctx is done.
func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
