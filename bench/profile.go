package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const kib, mib = 1 << 10, 1 << 20

// emptyNamespace has no objects.
const emptyNamespace = "fleet-empty"

// footprint is what a process needs: its resident memory, and the live memory of its heap and its stacks, in bytes, and its goroutines.
type footprint struct{ rss, live, goroutines float64 }

// liveMemory are lines of a heap profile as text: the bytes of the stacks, and of the heap, after the garbage collection before it.
var liveMemory = regexp.MustCompile(`(?m)^# (?:HeapAlloc|Stack) = (\d+)`)

// memory measures the footprint of an Impulse: the resident memory as it is, and then the heap after a garbage collection.
func (s *started) memory(ctx context.Context, w *env) (f footprint, err error) {
	rss, err := resident(s.PID(), "VmRSS")
	if err != nil {
		return f, err
	}
	metrics, err := w.scrape(ctx, s.url)
	if err != nil {
		return f, err
	}
	_, f.goroutines = metrics.sum("go_goroutines")
	for range 2 { // The first one finds what the scrape has left in pools.
		text, err := s.debugged(ctx, "heap?gc=1&debug=1")
		if err != nil {
			return f, err
		}
		all := liveMemory.FindAllSubmatch(text, -1)
		if len(all) != 2 {
			return f, errors.New("the heap profile does not say how large the heap and the stacks are")
		}
		f.live = 0
		for _, m := range all {
			n, err := strconv.ParseFloat(string(m[1]), 64)
			if err != nil {
				return f, fmt.Errorf("read the heap profile: %w", err)
			}
			f.live += n
		}
	}
	f.rss = float64(rss)
	return f, nil
}

// debugged reads a profile.
func (s *started) debugged(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.debug+"/debug/pprof/"+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	content, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read a profile: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read a profile: %s: %s", resp.Status, bytes.TrimSpace(content))
	}
	return content, nil
}

// profile stores profiles of the CPU for a while from now on, and then of the heap, the goroutines and the mutexes, if they are wanted. The
// returned function waits for them.
func (f *fleet) profile(ctx context.Context, b impulseBuild, s *started, during string, d time.Duration, o options) func() error {
	if o.profile == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		err := process.WaitFor(ctx, time.Minute, "profiles are served", func(ctx context.Context) (bool, error) {
			_, err := s.debugged(ctx, "cmdline")
			return err == nil, s.Err()
		})
		for _, kind := range []string{"cpu", "heap", "goroutine", "mutex"} {
			path := kind
			switch kind {
			case "cpu":
				path = fmt.Sprintf("profile?seconds=%d", max(1, int(d.Seconds())-1))
			case "heap":
				path = "heap?gc=1"
			}
			if err == nil {
				err = f.storeProfile(ctx, b, s, during, kind, path, o)
			}
		}
		done <- err
	}()
	return func() error { return <-done }
}

// storeProfile reads one profile into a file.
func (f *fleet) storeProfile(ctx context.Context, b impulseBuild, s *started, during, kind, path string, o options) error {
	to, err := f.profileTo(o, b, during, kind)
	if err != nil {
		return err
	}
	content, err := s.debugged(ctx, path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return nil
}

// idle returns the footprint of an Impulse without any object.
func (w *env) idle(ctx context.Context, b impulseBuild, o options) (f footprint, err error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: emptyNamespace}}
	if _, err := w.kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return f, fmt.Errorf("create namespace %s: %w", emptyNamespace, err)
	}
	s, err := w.launch(ctx, b, emptyNamespace, o)
	if err != nil {
		return f, err
	}
	defer s.Stop()
	err = process.WaitFor(ctx, time.Minute, "Impulse leads", func(ctx context.Context) (bool, error) {
		metrics, err := w.scrape(ctx, s.url)
		if err != nil {
			return false, s.Err()
		}
		_, leads := metrics.sum("impulse_leader")
		return leads == 1, nil
	})
	if err := errors.Join(err, wait(ctx, steadyTime)); err != nil {
		return f, err
	}
	return s.memory(ctx, w)
}
