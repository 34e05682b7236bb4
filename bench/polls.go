package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// healthyPolls is the number of queries of one namespace to each of two servers, which answer them at once. almostSlow is the number
	// of queries of another namespace to the second server, which answers each of them after almostSlowAnswer, just within pollInterval.
	healthyPolls, almostSlow = 10, 1800
	pollInterval             = time.Second
	almostSlowAnswer         = 950 * time.Millisecond
)

// slowSource answers queries as Prometheus does: queries of the namespace noisy take almostSlowAnswer, others are answered at once.
// It records the times of the others.
type slowSource struct {
	mu      sync.Mutex
	queries map[string][]time.Time
	slow    int
}

// ServeHTTP answers a query.
func (s *slowSource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, query := time.Now(), r.FormValue("query")
	slow := strings.HasPrefix(query, "noisy")
	s.mu.Lock()
	if slow {
		s.slow++
	} else {
		s.queries[query] = append(s.queries[query], at)
	}
	s.mu.Unlock()
	if slow {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(almostSlowAnswer):
		}
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status": "success", "data": {"resultType": "scalar", "result": [%d, "1"]}}`, at.Unix())
}

// lateness waits until cond holds, and then measures for d. It returns, for each server, by how much the time between two queries exceeded
// pollInterval.
func (s *slowSource) lateness(ctx context.Context, d time.Duration, cond func() bool) (map[string][]time.Duration, error) {
	err := process.WaitFor(ctx, time.Minute, "the queries arrive", func(context.Context) (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return cond(), nil
	})
	if err != nil {
		return nil, err
	}
	from := time.Now()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	late := map[string][]time.Duration{}
	for query, times := range s.queries {
		server, _, _ := strings.Cut(query, "-")
		for i := 1; i < len(times); i++ {
			if times[i-1].After(from) {
				late[server] = append(late[server], max(times[i].Sub(times[i-1])-pollInterval, 0))
			}
		}
	}
	return late, nil
}

// polls measures how late the polls of a healthy namespace are: alone, and while the queries of another namespace take 95 % of the
// polling interval. The objects come from files and have no targets, so that only polling is measured.
func polls(ctx context.Context, w *env, o options) ([]result, error) {
	fmt.Printf("• %d polls a second, alone and beside %d queries that are answered in %s\n", 2*healthyPolls, almostSlow, almostSlowAnswer)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &slowSource{queries: map[string][]time.Time{}}
	busy, err := serve(ctx, s)
	if err != nil {
		return nil, err
	}
	own, err := serve(ctx, s)
	if err != nil {
		return nil, err
	}
	files := filepath.Join(w.dir, "polls")
	if err := os.Mkdir(files, 0o755); err != nil {
		return nil, fmt.Errorf("create a folder: %w", err)
	}
	healthy := polledObjects("calm", "own", own, healthyPolls) + polledObjects("calm", "busy", busy, healthyPolls)
	if err := writeFile(files, "calm.yaml", healthy); err != nil {
		return nil, err
	}
	stop, err := w.runFiles(ctx, files)
	if err != nil {
		return nil, err
	}
	defer stop()
	alone, err := s.lateness(ctx, o.duration, func() bool { return len(s.queries) == 2*healthyPolls })
	if err != nil {
		return nil, err
	}
	if err := writeFile(files, "noisy.yaml", polledObjects("noisy", "noisy", busy, almostSlow)); err != nil {
		return nil, err
	}
	beside, err := s.lateness(ctx, o.duration, func() bool { return s.slow > almostSlow/10 })
	if err != nil {
		return nil, err
	}
	return []result{
		compare(fmt.Sprintf("polls/lateness/own-server/beside-%d-almost-slow", almostSlow), beside["own"], alone["own"]),
		compare(fmt.Sprintf("polls/lateness/same-server/beside-%d-almost-slow", almostSlow), beside["busy"], alone["busy"]),
	}, nil
}

// polledObjects returns the ScaledObjects of a namespace as YAML, each with one query of its own.
func polledObjects(namespace, prefix, server string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, `---
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[2]s-%[4]d, namespace: %[1]s}
spec:
  scaleTargetRef: {name: %[2]s-%[4]d}
  pollingInterval: %[5]d
  triggers:
  - {type: prometheus, metadata: {serverAddress: "%[3]s", query: "%[2]s-%[4]d", threshold: 1}}
`, namespace, prefix, server, i, int(pollInterval/time.Second))
	}
	return all.String()
}

func writeFile(dir, name, content string) error {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// runFiles runs a second Impulse, with the objects in a folder and a Lease of its own, until the returned function is called.
func (w *env) runFiles(ctx context.Context, folder string) (func(), error) {
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, w.dir, "polls", w.binary, "run", "--kubeconfig", w.kubeconfig, "--config", folder,
		"--state-dir", filepath.Join(w.dir, "polls-state"), "--lease-namespace", bareNamespace, "--lease-name", "polls", "--listen", address)
	if err != nil {
		return nil, err
	}
	return p.Stop, nil
}
