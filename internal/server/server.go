// Package server is Impulse's HTTP side: the doors through which alerts come in, health and metrics.
package server

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
	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/internal/alerts"
	"github.com/impulse-sh/impulse/internal/peer"
)

const (
	// DefaultMaxBody bounds the body of a route that says nothing else, in bytes.
	DefaultMaxBody = 1 << 20
	maxHeader      = 32 << 10
	// maxInFlight bounds the requests of one route that are worked on at once, and maxConnections who is connected: more
	// wait to be accepted.
	maxInFlight    = 256
	maxConnections = 1024
	// headerTimeout bounds a header, and readTimeout a whole request, slow senders included. Once it is there it is answered
	// within answerTimeout, or longestAnswer where others are asked first.
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	answerTimeout = 900 * time.Millisecond
	longestAnswer = 10 * time.Second
	idleTimeout   = time.Minute
	stopTimeout   = 5 * time.Second
)

// Recorder takes deliveries. alerts.Store is one.
type Recorder interface {
	Record(ctx context.Context, d alerts.Delivery) (alerts.Result, error)
}

// Options are what the server needs of the process.
type Options struct {
	Addr string
	// Credentials let requests in; nil is nobody, and on loopback everybody. AllowOpen and AllowAnywhere together let
	// everybody in on any address.
	Credentials              *Credentials
	AllowOpen, AllowAnywhere bool
	// TLS is what the server shows; nil is plain HTTP.
	TLS    *TLS
	Alerts Recorder
	// Direct are the doors to single triggers; nil: there are none.
	Direct Direct
	// Leading: only the leader records deliveries. The others pass them on by Forward; where that is nil they answer 503, and
	// the sender tries again.
	Leading func() bool
	Forward Forwarder
	// Peers is where other replicas come in, and AdmitPeer returns the name of the credential that one has checked, or
	// peer.ErrRefused; nil: they do not.
	Peers     *peer.Self
	AdmitPeer func(*http.Request) (string, error)
	// Ready returns why the process is not ready, or nil.
	Ready func() error
	// Full says for whom there was no room of late, and by which bound: a line each; nil says nothing.
	Full     func() []string
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
}

// Server serves HTTP.
type Server struct {
	options  Options
	metrics  *metrics
	listener net.Listener
	// http serves everybody, and peers the other replicas; it is nil when they do not come in.
	http, peers *http.Server
	// strangers is the rate of all who show no credential where there are some.
	strangers *rate.Limiter
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
	listener = netutil.LimitListener(listener, maxConnections)
	if o.TLS != nil {
		listener = o.TLS.listen(listener)
	}
	s := &Server{options: o, listener: listener, metrics: newMetrics(o.Registry), strangers: rate.NewLimiter(perSecond, burst)}
	s.http = s.limits(s.public())
	if o.Peers != nil {
		s.peers = s.limits(s.private())
	}
	return s, nil
}

// limits makes an HTTP server that waits for nobody for long. It speaks HTTP/1.1 only: one request of a connection at a time
// is what the limits count.
func (s *Server) limits(h http.Handler) *http.Server {
	one := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + longestAnswer,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
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
	peers := make(chan error, 1)
	if s.peers == nil {
		peers <- nil
	} else {
		go func() {
			err := serveUntil(ctx, s.peers, s.options.Peers.Secure(netutil.LimitListener(s.options.Peers, maxConnections)))
			cancel(err)
			peers <- err
		}()
	}
	err := serveUntil(ctx, s.http, s.listener)
	cancel(err)
	return errors.Join(err, <-peers)
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
