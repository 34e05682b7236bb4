// Package source runs the servers that bench has triggers read, and reads them with their client libraries alone.
//
// A server has numbered levels. The one with the number i is what the trigger with that number reads.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// ErrMissing is the error of a server whose program is not installed.
var ErrMissing = errors.New("the program is not installed")

// Source is one way to read a running server.
type Source struct {
	// Name identifies the source: the type of its triggers, and how they read if there are several ways.
	Name string
	// Type is the type of its triggers.
	Type string
	// Shared means that one reading has all levels.
	Shared bool
	// Triggers is the number of levels that are read regularly; 0 means all. Some servers need too much CPU for more.
	Triggers int
	// Interval is the time between two readings that does not depend on the polling interval; 0 if it does.
	Interval time.Duration
	// Address is what Bare needs to connect.
	Address string
	// Metadata returns the metadata of the trigger that reads level i. Its target is 1.
	Metadata func(i int) map[string]string
	// Set changes level i to n, which is at least 1. When it returns, a reading returns n.
	Set func(ctx context.Context, i, n int) error
}

// Read reads level i once.
type Read func(ctx context.Context, i int) (float64, error)

// Host is the machine that servers run on.
type Host struct {
	// Dir has a folder for each server.
	Dir string
	// Sandbox has the servers that run already. Namespace is that of the workloads.
	Sandbox   process.Addresses
	Namespace string
	// Levels is the number of levels of each server. All are 1 at first.
	Levels int

	mu    sync.Mutex
	stops []func()
}

// Close stops all servers.
func (h *Host) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, stop := range slices.Backward(h.stops) {
		stop()
	}
	h.stops = nil
}

// onClose has Close call stop.
func (h *Host) onClose(stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stops = append(h.stops, stop)
}

// server starts one server and returns the ways to read it. The name of each begins with one of types.
type server struct {
	name  string
	types []string
	start func(ctx context.Context, h *Host) ([]Source, error)
}

// servers are all servers.
var servers = []server{
	{"external", []string{"external"}, startExternal},
	{"Kafka", []string{"kafka", "apache-kafka"}, startKafka},
	{"Kubernetes", []string{"cpu", "memory", "kubernetes-"}, startKubernetes},
	{"metrics-api", []string{"metrics-api"}, startMetricsAPI},
	{"MySQL", []string{"mysql"}, startMySQL},
	{"NATS", []string{"nats-jetstream"}, startNATS},
	{"PostgreSQL", []string{"postgresql"}, startPostgreSQL},
	{"Prometheus", []string{"prometheus"}, startPrometheus},
	{"RabbitMQ", []string{"rabbitmq"}, startRabbitMQ},
	{"Redis", []string{"redis"}, startRedis},
}

// has reports whether a server may have sources whose names begin with prefix.
func (s server) has(prefix string) bool {
	return slices.ContainsFunc(s.types, func(t string) bool { return strings.HasPrefix(t, prefix) || strings.HasPrefix(prefix, t) })
}

// bare connects to the server of a source with its client library, by the name of the source.
var bare = map[string]func(ctx context.Context, address string) (Read, error){
	"apache-kafka":                   bareKafka,
	"cpu":                            bareUsage,
	"external":                       bareExternal,
	"kafka":                          bareKafka,
	"kubernetes-external":            bareExternalMetric,
	"kubernetes-object":              bareObjectMetric,
	"kubernetes-pods":                barePodsMetric,
	"memory":                         bareUsage,
	"metrics-api":                    bareMetricsAPI,
	"mysql":                          bareMySQL,
	"nats-jetstream":                 bareNATS,
	"nats-jetstream/monitoring":      bareMonitoring,
	"postgresql":                     barePostgreSQL,
	"prometheus":                     barePrometheus,
	"rabbitmq/amqp":                  bareAMQP,
	"rabbitmq/http":                  bareManagement,
	"redis":                          bareRedis(newRedis, readList),
	"redis-cluster":                  bareRedis(newRedisCluster, readList),
	"redis-cluster-streams/lag":      bareRedis(newRedisCluster, readLag),
	"redis-cluster-streams/pending":  bareRedis(newRedisCluster, readPending),
	"redis-sentinel":                 bareRedis(newRedisSentinel, readList),
	"redis-sentinel-streams/lag":     bareRedis(newRedisSentinel, readLag),
	"redis-sentinel-streams/pending": bareRedis(newRedisSentinel, readPending),
	"redis-streams/lag":              bareRedis(newRedis, readLag),
	"redis-streams/pending":          bareRedis(newRedis, readPending),
}

// Bare connects to the server of the source with the given name and address with its client library.
func Bare(ctx context.Context, name, address string) (Read, error) {
	connect, ok := bare[name]
	if !ok {
		return nil, fmt.Errorf("there is no source %q", name)
	}
	return connect(ctx, address)
}

// Start starts all servers at the same time and returns their sources whose names begin with prefix, ordered by name. missing names the
// servers that are not installed.
func Start(ctx context.Context, h *Host, prefix string) (sources []Source, missing []string, err error) {
	type started struct {
		name    string
		sources []Source
		err     error
	}
	wanted := slices.DeleteFunc(slices.Clone(servers), func(s server) bool { return !s.has(prefix) })
	results := make(chan started, len(wanted))
	for _, s := range wanted {
		go func() {
			found, err := s.start(ctx, h)
			results <- started{s.name, found, err}
		}()
	}
	var failed []error
	for range wanted {
		r := <-results
		switch {
		case errors.Is(r.err, ErrMissing):
			missing = append(missing, fmt.Sprintf("%s: %v", r.name, r.err))
		case r.err != nil:
			failed = append(failed, fmt.Errorf("start %s: %w", r.name, r.err))
		}
		sources = append(sources, r.sources...)
	}
	sources = slices.DeleteFunc(sources, func(s Source) bool { return !strings.HasPrefix(s.Name, prefix) })
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(missing)
	return sources, missing, errors.Join(failed...)
}

// folder makes a folder for a server, and gives it to a user of this machine.
func (h *Host) folder(name, user string) (string, error) {
	dir := filepath.Join(h.Dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create a folder: %w", err)
	}
	return dir, process.GiveTo(user, dir)
}

// each calls do for all levels, from several goroutines.
func (h *Host) each(ctx context.Context, do func(ctx context.Context, i int) error) error {
	const workers = 8
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := w; i < h.Levels && errs[w] == nil; i += workers {
				errs[w] = do(ctx, i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// only returns err, or an error unless an answer has one element.
func only(n int, err error) error {
	if err == nil && n != 1 {
		err = fmt.Errorf("the answer has %d elements", n)
	}
	return err
}
