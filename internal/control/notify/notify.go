package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// Options are the options of a Notifier.
type Options struct {
	// File is the path of the file with the sinks; "" means none.
	File string
	// Cluster is the name of the cluster in the events; "" means none.
	Cluster string
	// HTTP is the transport whose copies post to HTTP sinks, and Dial opens the connections to NATS.
	HTTP *http.Transport
	Dial Dial
	// Flush limits the time to send what is queued when the process stops.
	Flush time.Duration
	Log   *slog.Logger
}

// Notifier sends notifications to the sinks of a file. It is a prometheus.Collector.
type Notifier struct {
	options Options
	metrics *Metrics
	// sinks are replaced as a whole. They are served by the goroutines of Run.
	sinks atomic.Pointer[map[string]*sink]
	// reloading is held while sinks are replaced. running is true once Run has started their goroutines.
	reloading sync.Mutex
	running   bool
	// stopped is closed when Run shall send the rest and return.
	stopped chan struct{}
}

// New returns a Notifier without sinks.
func New(o Options) *Notifier {
	n := &Notifier{options: o, metrics: newMetrics(), stopped: make(chan struct{})}
	n.sinks.Store(&map[string]*sink{})
	return n
}

// Load reads the file. It returns all mistakes in it. Until Run is called, the sinks only queue.
func (n *Notifier) Load() error {
	if n.options.File == "" {
		return nil
	}
	_, err := n.reload()
	return err
}

// Enabled reports whether there is a sink.
func (n *Notifier) Enabled() bool { return len(*n.sinks.Load()) > 0 }

// Notify queues an event for each sink that selects it. It does not block.
func (n *Notifier) Notify(e *Event) {
	for _, s := range *n.sinks.Load() {
		s.offer(e)
	}
}

// Run follows the file until ctx is done, and then sends what is queued, for Options.Flush at most. Notify may be called until it returns.
func (n *Notifier) Run(ctx context.Context) error {
	n.begin() //nolint:contextcheck // The sinks outlive ctx, to send what is queued.
	if n.options.File != "" {
		regularfile.Follow(ctx, "notifications", n.reload, n.options.Log)
	} else {
		<-ctx.Done()
	}
	close(n.stopped)
	n.reloading.Lock()
	defer n.reloading.Unlock()
	limit := time.NewTimer(n.options.Flush)
	defer limit.Stop()
	for _, s := range *n.sinks.Load() {
		select {
		case <-s.done:
		case <-limit.C:
			limit.Reset(0) // So it ends the wait for each of the others, too.
			close(s.ended)
			<-s.done
		}
	}
	return nil
}

// begin starts the goroutines of the sinks that Load has read.
func (n *Notifier) begin() {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	n.running = true
	for _, s := range *n.sinks.Load() {
		go s.run(n.stopped)
	}
}

// reload reads the file, and reports whether the sinks have changed. A sink whose definition has changed keeps its queue.
func (n *Notifier) reload() (bool, error) {
	definitions, err := Read(n.options.File, n.options.Cluster)
	if err != nil {
		return false, err
	}
	n.reloading.Lock()
	defer n.reloading.Unlock()
	before, next, changed := *n.sinks.Load(), make(map[string]*sink, len(definitions)), false
	for _, d := range definitions {
		s := before[d.Name]
		switch {
		case s == nil:
			s, changed = n.newSink(d), true
			if n.running {
				go s.run(n.stopped)
			}
		case !reflect.DeepEqual(s.current(), d):
			s.replace(d)
			changed = true
		}
		next[d.Name] = s
	}
	n.sinks.Store(&next)
	for name, s := range before {
		if next[name] == nil {
			close(s.ended)
			<-s.done
			n.metrics.forget(name)
			changed = true
		}
	}
	return changed, nil
}

// newSink returns a new sink, whose goroutine has not been started. Run waits for that goroutine, or reload if the sink is removed.
func (n *Notifier) newSink(d *Sink) *sink {
	s := &sink{
		name: d.Name, metrics: n.metrics, log: n.options.Log, open: n.open, definition: d,
		arrived: make(chan struct{}, 1), replaced: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{}),
	}
	n.metrics.begin(d.Name)
	return s
}

// open makes the transport of a sink.
func (n *Notifier) open(d *Sink) (transport, error) {
	switch {
	case d.HTTP != nil:
		return newHTTP(d.HTTP, n.options.Cluster, n.options.HTTP)
	case d.NATS != nil:
		return newNATS(d.NATS, n.options.Cluster, d.Timeout, n.options.Dial), nil
	default:
		return nil, fmt.Errorf("sink %s has neither http nor nats", d.Name)
	}
}
