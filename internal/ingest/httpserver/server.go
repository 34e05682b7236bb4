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
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
)

const (
	// DefaultMaxBody is the default of Route.MaxBody, in bytes.
	DefaultMaxBody = 1 << 20
	maxHeader      = 32 << 10
	// maxConnections limits the connections to each listener, and maxProbes those to the listener for probes.
	maxConnections = 1024
	maxProbes      = 64
	// headerTimeout limits the arrival of a header, and readTimeout that of a whole request. A request that has arrived is answered within
	// answerTimeout, or longestAnswer if another server is queried first.
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	answerTimeout = 900 * time.Millisecond
	longestAnswer = 10 * time.Second
	// idleTimeout is longer than the 5 minutes for which Alertmanager keeps an idle connection: where both ends close at the same moment, a
	// message that is sent just then is lost with the connection, and with 1 minute that happened to senders that repeat each minute.
	idleTimeout = 6 * time.Minute
	stopTimeout = 5 * time.Second
)

// Options configure a Server.
type Options struct {
	Addr string
	// HealthAddr is the address of an additional listener for /healthz and /readyz, as plain HTTP, which senders at Addr cannot
	// exhaust; "" means none.
	HealthAddr string
	// BodyMemory limits the memory of the bodies of all requests in flight, and of the messages decoded from them, in bytes; 0 is
	// DefaultBodyMemory.
	BodyMemory int64
	// Credentials are the valid credentials. With nil every request is allowed; New then returns an error for an address beyond
	// loopback, unless AllowUnauthenticated and AllowFromAnywhere are both set.
	Credentials                             *auth.Credentials
	AllowUnauthenticated, AllowFromAnywhere bool
	// TLS has the certificate; nil is plain HTTP.
	TLS *TLS
	// Receiver decodes and records the messages.
	Receiver *endpoints.Receiver
	// Leading reports whether this replica is the leader, which alone records. Other replicas forward messages with Forward; where that
	// is nil they answer 503.
	Leading func() bool
	Forward Forwarder
	// Live shows the objects to readers, while this replica leads; nil: there are no such routes.
	Live Live
	// Reviewer authorizes readers of Live that show a token of the API server; nil: only Credentials are valid.
	Reviewer Reviewer
	// PageAddr is the address of an additional listener for the page, which Page serves; "" means none. PageOptional: if it cannot be opened,
	// that is logged. PagePrefix is a path before all of its paths, such as /impulse, which a proxy may remove or leave.
	PageAddr     string
	PageOptional bool
	PagePrefix   string
	Page         http.Handler
	// Peers is the listener for other replicas; nil is none. AuthenticatePeer returns the name of the credential that a replica has
	// authenticated, or forward.ErrUnauthorized.
	Peers            *forward.Listener
	AuthenticatePeer func(*http.Request) (string, error)
	// Ready returns why the process is not ready, or nil.
	Ready func() error
	// OnRefused is called at most once an hour for each namespace, with the namespace that a refused request names and the reason; nil:
	// the refusal is only logged. It must not block.
	OnRefused func(namespace, why string)
	// CapacityWarnings returns a line for each namespace that was refused recently, with the limit; nil means none.
	CapacityWarnings func() []string
	Registry         *prometheus.Registry
	// ObjectMetrics calls encode with the metrics of objects, one family after another, in addition to those of Registry; nil: there are none.
	ObjectMetrics func(encode func(*dto.MetricFamily) error) error
	// Tracer makes a span for each message; nil makes none.
	Tracer trace.Tracer
	Log    *slog.Logger
	Now    func() time.Time
}

// Server serves HTTP.
type Server struct {
	options Options
	metrics *metrics
	// listener and http are for senders, probes and health for probes, pageListener and page for the page, and peers for the other replicas.
	// Those that are not configured are nil.
	listener, probes, pageListener net.Listener
	http, health, page, peers      *http.Server
	anonymous                      *auth.AnonymousRates
	limiter                        loglimit.Limiter
	slots                          slots
	memory                         *memory
	streams                        streams
	// building has an element for each answer about live objects that is being built.
	building chan struct{}
	// signIns limits the attempts to sign in.
	signIns *rate.Limiter
	// stopping is done once the server stops: streams do not end by themselves.
	stopping context.Context //nolint:containedctx // It lasts as long as the server.
	stop     context.CancelFunc
}

// New opens the listeners; Run serves them. It returns an error if a listener cannot be opened, or if the address is not on loopback,
// no credentials are configured, and the options do not both allow unauthenticated access.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := checkOpenAddress("--listen", o.Addr, o); err != nil {
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
		streams: streams{of: map[auth.Principal]int{}}, building: make(chan struct{}, maxBuilding), signIns: rate.NewLimiter(signInRate, signInBurst),
	}
	s.stopping, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	if o.TLS != nil {
		s.listener = o.TLS.listen(listener)
	}
	s.http = s.newHTTPServer(s.publicRoutes(), "public", maxConnections)
	if o.HealthAddr != "" {
		if s.probes, err = lc.Listen(ctx, "tcp", o.HealthAddr); err != nil {
			return nil, errors.Join(fmt.Errorf("listen for probes (--health-listen): %w", err), s.closeListeners())
		}
		s.health = s.newHTTPServer(s.healthRoutes(), "health", maxProbes)
		s.health.SetKeepAlivesEnabled(false)
	}
	if err := s.openPage(ctx); err != nil {
		return nil, errors.Join(err, s.closeListeners())
	}
	if o.Peers != nil {
		s.peers = s.newHTTPServer(s.peerRoutes(), "peer", maxConnections)
	}
	return s, nil
}

// newHTTPServer returns an HTTP server with timeouts and at most so many connections. It supports only HTTP/1.1, because the limits count
// one request at a time for each connection.
func (s *Server) newHTTPServer(h http.Handler, name string, most int) *http.Server {
	all := newConnections(most, s.metrics.closed.WithLabelValues(name))
	one := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: readTimeout + longestAnswer,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		ConnContext: all.onOpen, ConnState: all.onStateChange, Protocols: new(http.Protocols),
	}
	one.Protocols.SetHTTP1(true)
	return one
}

// checkOpenAddress returns an error for the address of a flag that is not on loopback, without credentials, unless both options allow it.
func checkOpenAddress(flag, address string, o Options) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s is %q: expected host:port", flag, address)
	}
	ip := net.ParseIP(host)
	if o.Credentials != nil || o.AllowUnauthenticated && o.AllowFromAnywhere || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	could := "scale workloads"
	if flag == "--page-listen" {
		could = "read the state of all workloads"
	}
	return fmt.Errorf("%s %s is reachable from other hosts, and no credentials are configured: any client that reaches it could %s. "+
		"Set --credentials-file or --tokens-file, or, if unauthenticated access is intended, both --allow-unauthenticated and --allow-unauthenticated-from-anywhere", flag, address, could)
}

// Addr returns the address of the listener for senders.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// HealthAddr returns the address of the listener for probes, "" when there is none.
func (s *Server) HealthAddr() string {
	if s.probes == nil {
		return ""
	}
	return s.probes.Addr().String()
}

// closeListeners closes the listeners that are open.
func (s *Server) closeListeners() error {
	err := s.listener.Close()
	if s.probes != nil {
		err = errors.Join(err, s.probes.Close())
	}
	return err
}

// Run serves until ctx is done, and then finishes the requests in flight within stopTimeout. Meanwhile it follows the files of the
// credentials and of the certificate. It returns the joined errors of the listeners.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, s.stop)()
	if c := s.options.Credentials; c != nil {
		all.Go(func() { c.Follow(ctx, s.options.Log) })
	}
	if c := s.options.TLS; c != nil {
		all.Go(func() { c.Follow(ctx, s.options.Log) })
	}
	var (
		serving sync.WaitGroup
		failed  [4]error
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
		serve(2, s.peers, s.options.Peers.WithTLS(s.options.Peers))
	}
	if s.page != nil {
		serve(3, s.page, s.pageListener)
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
