package actuator

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/workqueue"
)

// FieldManager is the name that the API server records as the owner of the counts that are written here.
const FieldManager = "impulse"

// Options configure a Client. The zero value is a good one.
type Options struct {
	// Namespace restricts every watch to one namespace; "" means the whole cluster.
	Namespace string
	// UserAgent is sent with every request; "impulse" by default.
	UserAgent string
	// DryRun makes the API server check each write without storing it.
	DryRun bool
	// Queue runs what reports observations. By default the client has one of its own.
	Queue *workqueue.Queue
	// Log receives once, for each reason, that objects cannot be read, and that they are read again. Silent by default.
	Log *slog.Logger
}

// Client reads and writes counts. It is safe for concurrent use, and has no goroutines while there are no watches.
type Client struct {
	options  Options
	config   *rest.Config
	http     *http.Client
	rest     rest.Interface
	dynamic  dynamic.Interface
	metadata metadata.Interface
	// reads runs the readings of Scales for observations. Its items wait for the API server.
	reads *workqueue.Queue
	kinds kinds

	counts *watch.Pool[kindName, *counts]
	hpas   *watch.Pool[struct{}, *hpas]
	pods   *watch.Pool[struct{}, *pods]
}

// New returns a client for the cluster of config, which is not changed. It does no I/O.
//
// There is no client-side rate limit: it would delay writes that the API server, which measures its own load, may accept.
func New(config *rest.Config, options Options) (*Client, error) {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Queue == nil {
		options.Queue = workqueue.New(runtime.GOMAXPROCS(0))
	}
	config = rest.CopyConfig(config)
	config.UserAgent = cmp.Or(options.UserAgent, FieldManager)
	config.QPS, config.RateLimiter = -1, nil
	config.Timeout = 0 // It would end the watches.
	config.NegotiatedSerializer = typed.Codecs.WithoutConversion()
	c := &Client{options: options, config: config, reads: workqueue.New(maxReads)}
	c.counts = watch.NewPool(func(name kindName) *counts { return newCounts(c, name) })
	c.hpas = watch.NewPool(func(struct{}) *hpas { return newHPAs(c) })
	c.pods = watch.NewPool(func(struct{}) *pods { return newPods(c) })
	if err := c.connect(); err != nil {
		return nil, fmt.Errorf("set up the Kubernetes client: %w", err)
	}
	c.kinds.rest = c.rest
	return c, nil
}

// Wait waits until every watch has ended. All must have been stopped.
func (c *Client) Wait() {
	c.counts.Wait()
	c.hpas.Wait()
	c.pods.Wait()
}

// connect makes the clients. They share one HTTP client, so that they share its connections.
func (c *Client) connect() error {
	var err error
	if c.http, err = rest.HTTPClientFor(c.config); err != nil {
		return err
	}
	if c.rest, err = rest.UnversionedRESTClientForConfigAndClient(c.config, c.http); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(c.config, c.http); err != nil {
		return err
	}
	c.metadata, err = metadata.NewForConfigAndClient(c.config, c.http)
	return err
}

// logUnread returns a function that logs why objects cannot be read, and what follows from it.
func (c *Client) logUnread(resource, effect string) func(error) {
	return func(err error) {
		c.options.Log.Warn("objects cannot be read", slog.String("resource", resource), slog.String("effect", effect), slog.Any("error", err))
	}
}

// logRead returns a function that logs that objects are read again.
func (c *Client) logRead(resource string) func() {
	return func() { c.options.Log.Info("objects are read again", slog.String("resource", resource)) }
}

// typed returns a client of one built-in group and version. It uses protobuf, which is several times cheaper to
// decode than JSON.
func (c *Client) typed(gv schema.GroupVersion) (rest.Interface, error) {
	config := rest.CopyConfig(c.config)
	config.GroupVersion = &gv
	config.APIPath = "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := rest.RESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", gv, err)
	}
	return client, nil
}
