// Package stage runs Impulse's page over objects whose targets and levels are in memory: the controller, the autoscalers, the store of alerts and
// the server are real. Levels change when a test says so.
package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
	"github.com/impulse-sh/impulse/internal/ingest/page"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// Options configure a Stage.
type Options struct {
	// Dir is a folder for the stored alerts.
	Dir string
	// Address is the address of the page; the port may be 0.
	Address, Prefix string
	// Tokens is a file of tokens; "" means that no credentials are needed.
	Tokens string
	Log    *slog.Logger
}

// Stage is a running process without a cluster. Its methods may be called at the same time.
type Stage struct {
	Levels  *Levels
	Targets *Targets

	options    Options
	view       *live.View
	controller *controller.Controller
	alerts     *store.Store
	all        sync.WaitGroup
	ctx        context.Context //nolint:containedctx // It lasts until Close.
	cancel     context.CancelFunc

	// mu guards the calls of the controller, and the server.
	mu      sync.Mutex
	server  *httpserver.Server
	stop    context.CancelFunc
	stopped chan struct{}
}

// Start starts a stage without objects.
func Start(ctx context.Context, o Options) (*Stage, error) {
	s := &Stage{Levels: newLevels(), Targets: newTargets(), options: o}
	s.ctx, s.cancel = context.WithCancel(ctx)
	stored, err := store.NewFolder(o.Dir, o.Log)
	if err != nil {
		return nil, err
	}
	now := autoscaler.NewClock()
	s.alerts = store.New(stored, now)
	s.all.Go(func() { _ = s.alerts.Run(s.ctx) })
	reporter := status.New(discard{}, status.Silent{}, status.NewMetrics(prometheus.NewRegistry()), o.Log)
	s.view = live.New(reporter, s.alerts, now)
	reporter.Observe(s.view)
	s.all.Go(func() { reporter.Run(s.ctx) })
	s.controller = controller.New(controller.Options{
		Kinds: append(builtin.Kinds(), s.Levels.kind()), Settings: compile.DefaultSettings(), Actuator: s.Targets, Reporter: reporter, Live: s.view,
		MayWrite: func() bool { return true },
		Leading:  func(ctx context.Context) (context.Context, context.CancelFunc, error) { return ctx, func() {}, nil },
		Env:      triggers.Env{Now: now, Alerts: s.alerts, Poller: triggers.NewPoller(8, 8)},
	}, nil)
	return s, s.Serve() //nolint:contextcheck // It serves until Close.
}

// discard stores no status.
type discard struct{}

func (discard) Save(context.Context, status.Object, *v1alpha1.ScaledObjectStatus) error { return nil }

// Serve serves the page, again after Disconnect at the same address.
func (s *Stage) Serve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := page.Handler()
	if err != nil {
		return err
	}
	credentials, err := auth.Read(auth.Files{Tokens: s.options.Tokens})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	s.server, err = httpserver.New(s.ctx, httpserver.Options{
		Addr: "127.0.0.1:0", PageAddr: s.options.Address, PagePrefix: s.options.Prefix, Page: files, Credentials: credentials, Live: (*objects)(s),
		Receiver: endpoints.New(s.alerts, time.Now, registry, s.options.Log), Leading: func() bool { return true }, Ready: func() error { return nil },
		Registry: registry, Log: s.options.Log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(s.ctx)
	stopped := make(chan struct{})
	s.stop, s.stopped = stop, stopped
	server := s.server
	s.all.Go(func() {
		defer close(stopped)
		_ = server.Run(ctx)
	})
	s.options.Address = addressOf(server.PageURL())
	return nil
}

// Disconnect stops the server, as if the replica had gone. The objects stay.
func (s *Stage) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	<-s.stopped
}

// URL returns the URL of the page.
func (s *Stage) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server.PageURL()
}

// Close stops everything.
func (s *Stage) Close() {
	s.cancel()
	s.controller.Wait()
	s.all.Wait()
}

// Apply applies objects.
func (s *Stage) Apply(all ...*v1alpha1.ScaledObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, so := range all {
		s.controller.Apply(s.ctx, so)
	}
}

// Delete deletes an object.
func (s *Stage) Delete(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.controller.Delete(s.ctx, namespace+"/"+name)
}

// Fire delivers an alert to the receiver of a namespace.
func (s *Stage) Fire(ctx context.Context, namespace string, labels map[string]string) error {
	for {
		_, err := s.alerts.Record(ctx, store.Delivery{
			Endpoint: store.Endpoint{Namespace: namespace}, At: time.Now(),
			Alerts: []store.Alert{{Labels: labels, Firing: true, StartsAt: time.Now().Add(-90 * time.Second)}},
		})
		if !errors.Is(err, store.ErrNotReady) || ctx.Err() != nil {
			return err
		}
	}
}

// objects shows the objects. It implements httpserver.Live.
type objects Stage

// List implements httpserver.Live.
func (s *objects) List(namespaces []string) ([]byte, error) { return s.view.List(namespaces) }

// Object implements httpserver.Live.
func (s *objects) Object(namespace, name string) ([]byte, error) {
	text, err := s.view.Object(namespace, name)
	return text, httpError(err)
}

// Watch implements httpserver.Live.
func (s *objects) Watch(ctx context.Context, q httpserver.LiveQuery, send func(event string, data []byte) error) error {
	if q.Name == "" {
		return s.view.WatchList(ctx, q.Namespaces, send)
	}
	return httpError(s.view.WatchObject(ctx, q.Namespace, q.Name, send))
}

func httpError(err error) error {
	if errors.Is(err, live.ErrNotFound) {
		return httpserver.ErrNoObject
	}
	return err
}

// addressOf returns host:port of a URL.
func addressOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(fmt.Sprintf("the server has the URL %q", address))
	}
	return u.Host
}
