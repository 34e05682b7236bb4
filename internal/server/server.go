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

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/impulse-sh/impulse/internal/alerts"
)

const (
	// DefaultMaxBody bounds the body of a webhook.
	DefaultMaxBody = 8 << 20
	// maxInFlight bounds the webhooks that are worked on at once; more are told to come back.
	maxInFlight = 256
	// readTimeout bounds a whole request, slow senders included; handleTimeout the work on it.
	readTimeout   = 15 * time.Second
	handleTimeout = 10 * time.Second
	idleTimeout   = 5 * time.Minute
	maxHeader     = 32 << 10
	stopTimeout   = 5 * time.Second
)

// Recorder takes deliveries. alerts.Store is one.
type Recorder interface {
	Record(ctx context.Context, d alerts.Delivery) (alerts.Result, error)
}

// Options are what the server needs of the process.
type Options struct {
	Addr string
	// Tokens may post; nil is nobody, and on loopback everybody. AllowOpen lets everybody post on any address.
	Tokens    *Tokens
	AllowOpen bool
	Alerts    Recorder
	// Leading: only the leader takes deliveries; the others answer 503, and the sender tries again.
	Leading func() bool
	// Ready returns why the process is not ready, or nil.
	Ready    func() error
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
	MaxBody  int64
}

// Server serves HTTP.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	metrics  *metrics
	inFlight chan struct{}
}

// New listens, but serves nobody yet. It refuses an address beyond loopback without tokens: whoever reaches it could scale.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if err := guarded(o); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	s := &Server{options: o, listener: listener, metrics: newMetrics(o.Registry), inFlight: make(chan struct{}, maxInFlight)}
	s.http = &http.Server{
		Handler: s.routes(), ReadTimeout: readTimeout, ReadHeaderTimeout: readTimeout, WriteTimeout: readTimeout + handleTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// guarded refuses an open door on an address that others reach.
func guarded(o Options) error {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return fmt.Errorf("--listen is %q: expected host:port", o.Addr)
	}
	ip := net.ParseIP(host)
	if o.Tokens != nil || o.AllowOpen || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %s is reached by others, and nobody would be asked for a token: give --tokens-file, or --allow-unauthenticated", o.Addr)
}

// Addr is the address that is listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx is done, and then finishes what it has begun. Meanwhile it follows the file of tokens.
func (s *Server) Run(ctx context.Context) error {
	var following sync.WaitGroup
	defer following.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if tokens := s.options.Tokens; tokens != nil {
		following.Go(func() { tokens.Follow(ctx, s.options.Log) })
	}
	return s.serve(ctx)
}

func (s *Server) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.http.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// routes is everything that is served.
func (s *Server) routes() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.failed
	e.Use(s.survive)
	e.POST("/v1/alertmanager/:namespace", s.webhook)
	e.POST("/v1/alertmanager", s.webhook)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.ready)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.options.Registry, promhttp.HandlerOpts{})))
	return e
}

// ready says whether the process can do its work, and why not.
func (s *Server) ready(c echo.Context) error {
	if err := s.options.Ready(); err != nil {
		return c.String(http.StatusServiceUnavailable, err.Error()+"\n")
	}
	return c.String(http.StatusOK, "ok\n")
}

// survive turns a panic in a handler into a 500 and a log line.
func (s *Server) survive(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) { //nolint:nonamedreturns // Set by the deferred recover.
		defer func() {
			if p := recover(); p != nil {
				s.options.Log.Error("a request panicked", "path", c.Path(), "panic", p)
				err = echo.NewHTTPError(http.StatusInternalServerError, "internal error")
			}
		}()
		return next(c)
	}
}

// failed answers a request that went wrong, in one line of text.
func (s *Server) failed(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	code, message := http.StatusInternalServerError, "internal error"
	if known, ok := errors.AsType[*echo.HTTPError](err); ok {
		code, message = known.Code, fmt.Sprint(known.Message)
	}
	if code == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	}
	if err := c.String(code, message+"\n"); err != nil {
		s.options.Log.Debug("an answer was not delivered", "error", err)
	}
}
