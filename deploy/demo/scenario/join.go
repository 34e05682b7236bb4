package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// part is the Deployments that follow one source, which are added as soon as the source is ready.
type part struct {
	what      string
	workloads []string
	ready     func(process.Addresses) bool
	join      func(context.Context, process.Addresses) error
	// rise and fall drive the load up and down; up and down are the replicas that the Deployments then have.
	rise, fall func(context.Context) error
	up, down   map[string]int64
}

// parts returns the demo's parts, in the order in which they are usually ready.
func (s *Stack) parts() []part {
	return []part{
		{
			what: "the schedule", workloads: []string{"office"},
			ready: func(process.Addresses) bool { return true },
			up:    map[string]int64{"office": 3}, down: map[string]int64{"office": 1},
		},
		{
			what: "metrics-server", workloads: []string{"api"},
			ready: func(at process.Addresses) bool { return at.MetricsServer != "" },
			join: func(ctx context.Context, _ process.Addresses) error {
				return s.apply(ctx, s.values, "scaledobject-api.yaml")
			},
			rise: func(ctx context.Context) error { return s.setUsage(ctx, busy) },
			fall: func(ctx context.Context) error { return s.setUsage(ctx, idle) },
			up:   map[string]int64{"api": 4}, down: map[string]int64{"api": 1},
		},
		{
			what: "NATS", workloads: []string{"worker"},
			ready: func(at process.Addresses) bool { return at.NATS != "" },
			join:  s.joinQueue,
			rise:  func(ctx context.Context) error { return s.queued().produce(ctx, 50) },
			fall:  func(ctx context.Context) error { return s.queued().consume(ctx, 50) },
			up:    map[string]int64{"worker": 5}, down: map[string]int64{"worker": 0},
		},
		{
			what: "Prometheus and Alertmanager", workloads: []string{"web", "checkout"},
			ready: func(at process.Addresses) bool { return at.Prometheus != "" && at.Alertmanager != "" },
			join:  s.joinPrometheus,
			rise:  func(ctx context.Context) error { return s.load(ctx, "up") },
			fall:  func(ctx context.Context) error { return s.load(ctx, "down") },
			up:    map[string]int64{"web": 10, "checkout": 5}, down: map[string]int64{"web": 1, "checkout": 1},
		},
	}
}

// joinAll adds every part as soon as its source is ready, and then calls then with it; the parts do not wait for each other.
// It returns when all are done; the first error ends the others.
func (s *Stack) joinAll(ctx context.Context, then func(context.Context, part) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, p := range s.parts() {
		all.Go(func() {
			if err := s.joinOne(ctx, p, then); err != nil {
				cancel(fmt.Errorf("%s: %w", p.what, err))
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

func (s *Stack) joinOne(ctx context.Context, p part, then func(context.Context, part) error) error {
	at, err := s.control.Await(ctx, p.ready)
	if err != nil {
		return err
	}
	if p.join != nil {
		if err := p.join(ctx, at); err != nil {
			return err
		}
	}
	return then(ctx, p)
}

// joinQueue creates the queue that worker follows.
func (s *Stack) joinQueue(ctx context.Context, at process.Addresses) error {
	q, err := openQueue(ctx, at.NATS)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.queue = q
	s.mu.Unlock()
	v := s.values
	v.NATSURL = at.NATS
	return s.apply(ctx, v, "scaledobject-worker.yaml")
}

// queued returns the queue, or nil before NATS is ready.
func (s *Stack) queued() *queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue
}

// joinPrometheus starts the mock metric and points Prometheus at it, with the rule whose alert checkout follows.
func (s *Stack) joinPrometheus(ctx context.Context, at process.Addresses) error {
	v := s.values
	v.MockmetricsHost = hostOf(s.mock)
	v.PrometheusURL, v.AlertmanagerHost = at.Prometheus, hostOf(at.Alertmanager)
	v.RulesFile = filepath.Join(s.dir, "rules.yaml")
	if err := s.spawn(ctx, "mockmetrics", filepath.Join(s.dir, "mockmetrics"), "--listen", v.MockmetricsHost); err != nil {
		return err
	}
	for _, name := range []string{"rules.yaml", "prometheus.yaml"} {
		if err := s.write(name, v); err != nil {
			return err
		}
	}
	printLine("  Prometheus is at %s, Alertmanager at %s", at.Prometheus, at.Alertmanager)
	if err := call(ctx, http.MethodPost, at.Prometheus+"/-/reload"); err != nil {
		return err
	}
	return s.apply(ctx, v, "scaledobject-web.yaml")
}

// send fires or resolves the alert that checkout follows, with `impulse send alert`, and waits until checkout has n replicas.
func (s *Stack) send(ctx context.Context, n int64, flags ...string) error {
	args := slices.Concat([]string{"send", "alert", "--server", s.values.ImpulseURL, "-n", Namespace}, flags, []string{"alertname=HighHitCount"})
	if s.values.TokenFile != "" {
		args = append(args, "--token-file", s.values.TokenFile)
	}
	var refused error
	// After a 503 a sender tries again, as Alertmanager does.
	err := s.until(ctx, followTimeout, "send the alert", func(ctx context.Context) (bool, error) {
		out, err := process.Run(ctx, filepath.Join(s.dir, "impulse"), args...)
		if refused = nil; err != nil {
			refused = fmt.Errorf("%w\n%s", err, out)
		}
		return err == nil, nil
	})
	if err != nil {
		return errors.Join(err, refused)
	}
	return s.awaitReplicas(ctx, "checkout", n)
}

// printLine prints a line; on a terminal it replaces the progress of a build, which is printed again below it.
func printLine(format string, args ...any) {
	clear := ""
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		clear = "\r\x1b[K"
	}
	fmt.Printf(clear+format+"\n", args...)
}
