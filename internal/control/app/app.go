package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/control/accessreview"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/cloudvault"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/control/definitions"
	"github.com/impulse-sh/impulse/internal/control/egress"
	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/control/endpointslices"
	"github.com/impulse-sh/impulse/internal/control/kedawatch"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/metricsapi"
	"github.com/impulse-sh/impulse/internal/control/notify"
	"github.com/impulse-sh/impulse/internal/control/podcount"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/control/tracing"
	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
	"github.com/impulse-sh/impulse/internal/ingest/page"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/events"
	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// minWorkers is how many autoscalers can run at the same time, on few cores, too: one that waits for a lock does not stop the others.
const minWorkers = 4

// maxPolls bounds the concurrent readings of polled triggers, and maxPollsPerServer those of one server.
const (
	maxPolls          = 512
	maxPollsPerServer = 64
	// idlePerServer is how many connections to one server remain after a burst, such as the first readings after a start. Each has two
	// goroutines and its buffers. At 200 readings a second, ten begin together.
	idlePerServer = 12
)

// objects is the source of ScaledObjects: the cluster or a folder.
type objects interface {
	// Run passes all objects and their changes to the controller until ctx is done, and calls onListed after each complete list.
	Run(ctx context.Context, c *controller.Controller, onListed func())
	// Listed reports whether the controller has received a complete list.
	Listed() bool
}

// process has the parts of one impulse run.
type process struct {
	options  Options
	log      *slog.Logger
	now      func() time.Time
	registry *prometheus.Registry
	metrics  *status.Metrics
	writes   *stateWrites
	panics   prometheus.Counter
	// gate decides which writes to the API server go first.
	gate    *writes.Gate
	tracing *tracing.Tracing
	// reporter is nil while this process does not lead.
	reporter atomic.Pointer[status.Reporter]
	// view is nil while this process does not lead.
	view     atomic.Pointer[live.View]
	notifier *notify.Notifier
	// events is nil for objects from files. Events that wait when the Lease is lost are still written.
	events  *events.Recorder
	target  *actuator.Client
	elector *election.Elector
	// ours is a client of Impulse's own API group.
	ours rest.Interface
	// peers forwards messages to the leader while another replica leads. self is the peer endpoint of this replica, and key the shared
	// key with which replicas authenticate.
	peers *forward.Client
	self  *forward.Listener
	key   *forward.Key
	// reviewer authorizes readers who show a token of the API server; nil for objects from files.
	reviewer httpserver.Reviewer
	alerts   *store.Store
	// receiver decodes and records messages, from HTTP and NATS.
	receiver *endpoints.Receiver
	objects  objects
	// admission is nil without --admission-listen.
	admission *admissionParts
	// keda keeps objects for those of KEDA; nil without --watch-keda.
	keda *kedawatch.Watcher
	// finalizers is nil for objects from files.
	statusStore status.Store
	finalizers  controller.FinalizerStore
	secrets     *credentials.Credentials
	usage       metricsv1beta1.PodMetricsesGetter
	adapters    *metricsapi.Client
	podCounter  *podcount.Counter
	services    *endpointslices.Watcher
	core        *typed.Core
	poller      *triggers.Poller
	shared      triggers.Pool
	// queue runs the autoscalers, the sources and what reports observations of targets.
	queue *workqueue.Queue
	// egress opens the connections of triggers, and http is an HTTP client that uses it.
	egress *egress.Guard
	http   *http.Client
	// handovers has what the autoscalers left when this process last led. They are valid while Elector.Transitions equals transitions, because
	// then no other process has led since.
	handovers   map[string]controller.Handover
	transitions int64
}

// Run runs Impulse until ctx is done; an API server that is unavailable does not end it. It then finishes the writes in flight, writes
// the pending statuses, and releases the Lease.
func Run(ctx context.Context, o Options) error {
	log, err := o.logger()
	if err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	redirectKlog(log)
	if err := limitSilence(); err != nil {
		return err
	}
	limit := limitMemory(os.DirFS("/sys/fs/cgroup"))
	limitGarbage(os.Getenv("GOGC"))
	if o.BodyMemory.IsZero() {
		o.BodyMemory.Quantity.Set(limit / bodyShare)
	}
	config, err := o.restConfig()
	if err != nil {
		return err
	}
	self, err := forward.Listen(ctx, o.PeerListen, o.PeerAdvertise)
	if err != nil {
		return err
	}
	defer func() { _ = self.Close() }() // Only needed if the server, which closes it, was not created.
	p, err := assemble(ctx, o, log, config, self)
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// assemble creates all parts. Its only I/O is in the folder of states.
func assemble(ctx context.Context, o Options, log *slog.Logger, config *rest.Config, self *forward.Listener) (*process, error) {
	p := &process{
		self:    self,
		options: o, log: log, now: autoscaler.NewClock(), registry: prometheus.NewRegistry(), poller: triggers.NewPoller(maxPolls, maxPollsPerServer),
		queue:  workqueue.New(max(minWorkers, runtime.GOMAXPROCS(0))),
		egress: &egress.Guard{Local: o.Config != "", Allowed: o.Sources},
	}
	p.http = p.egress.Client(maxPolls, idlePerServer)
	p.registerMetrics()
	p.notifier = p.newNotifier()
	var err error
	if p.tracing, err = p.newTracing(ctx); err != nil {
		return nil, err
	}
	if p.core, err = typed.NewCore(config); err != nil {
		return nil, err
	}
	if p.target, err = actuator.New(config, actuator.Options{Namespace: o.Namespace, Log: log, Queue: p.queue}); err != nil {
		return nil, err
	}
	p.elector, err = election.New(config, election.Options{Namespace: o.LeaseNamespace, Name: o.LeaseName, Identity: self.Identity(), Version: o.Version, Log: log})
	if err != nil {
		return nil, err
	}
	p.key = forward.NewKey(p.core.Secrets(o.LeaseNamespace))
	p.peers = forward.NewClient(self.Identity(), p.elector.Leader, p.key, log)
	if p.usage, err = podMetrics(config); err != nil {
		return nil, err
	}
	if p.podCounter, err = podcount.New(config, p.queue); err != nil {
		return nil, err
	}
	if p.services, err = endpointslices.New(config, p.queue); err != nil {
		return nil, err
	}
	if p.adapters, err = metricsapi.New(config); err != nil {
		return nil, err
	}
	if p.ours, err = apiclient.New(config); err != nil {
		return nil, err
	}
	reviews, err := typed.NewReviews(config)
	if err != nil {
		return nil, err
	}
	p.secrets = credentials.New(credentials.Options{
		Client: p.ours, Core: p.core, Self: reviews, Watch: p.target.WatchTarget, ClusterNamespace: o.LeaseNamespace, Root: o.FilePathRoot, HTTP: p.http,
		Clouds: &cloudvault.Reader{Bridge: o.KEDABridge, Pool: &p.shared, CheckHost: p.egress.CheckHost},
	})
	if o.Config != "" {
		return p, p.fromFiles()
	}
	return p, p.fromCluster(config)
}

// fromCluster uses the API server for objects, statuses and alerts.
func (p *process) fromCluster(config *rest.Config) error {
	p.events = events.New(p.eventSink)
	cluster, err := controller.NewCluster(config, p.options.Namespace, p.log)
	if err != nil {
		return err
	}
	p.objects, p.statusStore, p.finalizers = cluster, cluster, cluster
	if p.reviewer, err = accessreview.New(config, p.now); err != nil {
		return err
	}
	stored, err := store.NewKube(config, p.options.LeaseNamespace, p.log)
	if err != nil {
		return err
	}
	p.newStore(stored)
	if p.options.AdmissionListen != "" {
		if err := p.newAdmission(config); err != nil {
			return err
		}
	}
	if !p.options.WatchKEDA {
		return nil
	}
	p.keda, err = kedawatch.New(config, kedawatch.Options{
		Namespace: p.options.Namespace, Kinds: builtin.Kinds(), Settings: p.options.Settings, WhileLeading: p.elector.WhileLeading,
		Events: p.events, Log: p.log,
	})
	return err
}

// fromFiles uses files for objects, and the folder of states for statuses and alerts.
func (p *process) fromFiles() error {
	states, err := controller.NewStates(filepath.Join(p.options.StateDir, ObjectStates))
	if err != nil {
		return err
	}
	p.objects = &controller.Folder{
		Path: p.options.Config, Namespace: p.options.Namespace, Kinds: builtin.Kinds(), States: states, Log: p.log,
	}
	p.statusStore = states
	stored, err := store.NewFolder(filepath.Join(p.options.StateDir, AlertStates), p.log)
	if err != nil {
		return err
	}
	p.newStore(stored)
	return nil
}

// newStore creates the store of alerts, and the receiver that records in it.
func (p *process) newStore(stored store.Persister) {
	alerts := alertWriter{stored, p.elector.Deadline, p.writes}
	var writer store.Persister = alerts
	if p.options.Config == "" {
		writer = gatedAlerts{alerts, p.gate}
	}
	p.alerts = store.New(writer, p.now)
	p.alerts.SetLogger(p.log)
	p.receiver = endpoints.New(p.alerts, p.now, p.registry, p.log)
	p.receiver.SetTracer(p.tracing.Tracer())
	p.registry.MustRegister(p.alerts)
}

// run starts the services of the process, the election last, and stops them in the opposite order.
func (p *process) run(ctx context.Context) error {
	web, err := p.server(ctx)
	if err != nil {
		return err
	}
	if err := p.notifier.Load(); err != nil { //nolint:contextcheck // It only reads files, before anything runs.
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var s services
	s.start(ctx, "watches", fail, p.awaitWatches) // Those of all other services have been stopped when it stops.
	s.start(ctx, "tracing", fail, p.tracing.Run)
	s.start(ctx, "server", fail, web.Run)
	if err := p.startAdmission(ctx, &s, fail); err != nil {
		return errors.Join(err, s.stop(p.options.Grace))
	}
	s.start(ctx, "peers", fail, p.peers.Run)
	s.start(ctx, "poller", fail, p.poller.Run)
	s.start(ctx, "events and notifications", fail, p.runReports)
	if p.options.Config == "" {
		s.start(ctx, "definitions", fail, func(ctx context.Context) error { definitions.Report(ctx, p.ours, p.log); return nil })
	}
	p.log.Info("impulse started", "version", p.options.Version, "address", web.Addr(), "page", web.PageURL(), "lease", p.options.LeaseNamespace+"/"+p.options.LeaseName)
	s.start(ctx, "leader", fail, func(ctx context.Context) error { return p.elector.Run(ctx, p.lead) })
	<-ctx.Done()
	p.log.Info("stopping")
	err = s.stop(p.options.Grace)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// awaitWatches waits until ctx is done, and then until the watches have ended that were stopped before.
func (p *process) awaitWatches(ctx context.Context) error {
	<-ctx.Done()
	for _, watches := range []interface{ Wait() }{p.target, p.secrets, p.podCounter, p.services} {
		watches.Wait()
	}
	return nil
}

// runReports writes Events and sends notifications until ctx is done, and then those that wait.
func (p *process) runReports(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop() // The notifier may fail.
	if p.events != nil {
		all.Go(func() { p.events.Run(ctx) })
	}
	return p.notifier.Run(ctx)
}

func (p *process) server(ctx context.Context) (*httpserver.Server, error) {
	named := auth.Files{Tokens: p.options.TokensFile, List: p.options.CredentialsFile, Certificates: p.options.TLS.ClientCA != ""}
	credentials, err := auth.Read(named)
	certificate, tlsErr := httpserver.ReadTLS(p.options.TLS)
	if err := errors.Join(err, tlsErr); err != nil {
		return nil, err
	}
	files, err := page.Handler()
	if err != nil {
		return nil, err
	}
	return httpserver.New(ctx, httpserver.Options{
		Addr: p.options.Listen, HealthAddr: p.options.HealthListen, BodyMemory: p.options.BodyMemory.Value(),
		Credentials: credentials, TLS: certificate, AllowUnauthenticated: p.options.AllowOpen, AllowFromAnywhere: p.options.AllowAnywhere,
		PageAddr: p.options.PageListen, PageOptional: p.options.PageOptional, PagePrefix: p.options.PagePrefix, Page: files, Live: liveObjects{p}, Reviewer: p.reviewer,
		Receiver: p.receiver, Leading: p.leading, Forward: p.peers, Peers: p.self, AuthenticatePeer: p.key.Authenticate,
		Ready: p.ready, CapacityWarnings: p.alerts.Full, OnRefused: p.senderRefused,
		Registry: p.registry, ObjectMetrics: status.ObjectMetrics{Leader: p.leader}.Encode, Tracer: p.tracing.Tracer(), Log: p.log, Now: p.now,
	})
}

// senderRefused records Events about a refused sender, if this replica leads. The server logs each refusal.
func (p *process) senderRefused(namespace, why string) {
	if reporter := p.reporter.Load(); reporter != nil {
		reporter.SenderRefused(namespace, why)
	}
}

// leading reports whether this process leads at present.
func (p *process) leading() bool { return p.elector.IsLeader(time.Now()) }

// ready returns the reason for which the process is not ready, or nil. A replica that does not lead is ready if it can forward messages
// to the leader.
func (p *process) ready() error {
	if !p.leading() {
		if err := p.peers.Ready(); err != nil {
			return fmt.Errorf("not the leader (another process holds lease %s/%s, or the API server is unavailable), and the leader cannot be reached: %w",
				p.options.LeaseNamespace, p.options.LeaseName, err)
		}
		return nil
	}
	var why []error
	if !p.objects.Listed() {
		why = append(why, errors.New("the ScaledObjects have not been read"))
	}
	if err := p.alerts.Ready(); err != nil {
		why = append(why, fmt.Errorf("the alerts have not been read: %w", err))
	}
	return errors.Join(why...)
}
