package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// Each workload of a fleet has hoverCount replicas, and each of its readings is hoverTarget per replica, plus or minus hoverShare.
	hoverCount, hoverTarget = 10, 100
	hoverShare              = 0.05
	// manyObjects is the number of objects from which they are read every manyInterval instead of every fewInterval: at 5 s, two cores
	// would be busy with the requests of ten thousand objects alone, on both sides.
	manyObjects               = 2500
	fewInterval, manyInterval = 5 * time.Second, 30 * time.Second
	// fillers is the number of clients that create the objects.
	fillers = 16
	// startTimeout is the longest time that a start may take.
	startTimeout = 5 * time.Minute
)

// fleet is a namespace of workloads whose load stays near its target, each with one query of its own.
type fleet struct {
	*env

	namespace string
	n         int
	interval  time.Duration
	source    *hover
	// recorded means that each object has a status.
	recorded bool
}

// newFleet creates the objects, of which Impulse knows nothing yet.
func (w *env) newFleet(ctx context.Context, n int) (*fleet, error) {
	f := &fleet{env: w, namespace: fmt.Sprintf("fleet-%d", n), n: n, interval: fewInterval, source: &hover{}}
	f.source.reset()
	if n >= manyObjects {
		f.interval = manyInterval
	}
	url, err := serve(ctx, f.source)
	if err != nil {
		return nil, err
	}
	if err := w.createNamespace(ctx, f.namespace); err != nil {
		return nil, err
	}
	spec := fmt.Sprintf(`"minReplicaCount": 1, "maxReplicaCount": 100, "pollingInterval": %d, "triggers": [{"type": "prometheus",
		"metadata": {"serverAddress": "%s", "query": "APP", "threshold": %d}}]`, int(f.interval.Seconds()), url, hoverTarget)
	began := time.Now()
	err = parallel(n, fillers, func(i int) error { return w.createWorkload(ctx, f.namespace, app(i), hoverCount, spec) })
	fmt.Printf("• %d Deployments and ScaledObjects, made in %.1f s\n", n, time.Since(began).Seconds())
	return f, err
}

// parallel calls do for each number below n, at most width at a time, and returns an error if there is one.
func parallel(n, width int, do func(i int) error) error {
	var all sync.WaitGroup
	failed := make([]error, width)
	for k := range width {
		all.Go(func() {
			for i := k; i < n && failed[k] == nil; i += width {
				failed[k] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// clear removes all statuses, as if no Impulse had run.
func (f *fleet) clear(ctx context.Context) error {
	objects := f.dynamic.Resource(scaledObjects).Namespace(f.namespace)
	return parallel(f.n, fillers, func(i int) error {
		_, err := objects.Patch(ctx, app(i), types.MergePatchType, []byte(`{"status":null}`), metav1.PatchOptions{}, "status")
		if err != nil {
			return fmt.Errorf("clear the status of %s: %w", app(i), err)
		}
		return nil
	})
}

// started is an Impulse that runs for a fleet.
type started struct {
	*process.Process

	url, debug string
	at         time.Time
}

// launch starts Impulse for one namespace, as in production.
func (w *env) launch(ctx context.Context, b impulseBuild, namespace string, o options) (*started, error) {
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	debug, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{debugVariable + "=" + debug}
	if o.profile != "" {
		args = append(args, mutexVariable+"=1")
	}
	args = append(args, b.binary, "run", "--kubeconfig", w.kubeconfig, "--namespace", namespace, "--lease-namespace", namespace, "--listen", address,
		"--page-listen", "", "--allow-source-addresses", "127.0.0.0/8")
	s := &started{url: "http://" + address, debug: "http://" + debug, at: time.Now()}
	s.Process, err = process.Start(ctx, w.dir, "impulse-"+namespace+"-"+b.name, "/usr/bin/env", args...)
	return s, err
}

// start starts Impulse for the fleet, calls launched at once, and returns the time until all objects were decided on a reading of their own.
func (f *fleet) start(ctx context.Context, b impulseBuild, o options, launched func(*started)) (*started, time.Duration, error) {
	f.source.reset()
	s, err := f.launch(ctx, b, f.namespace, o)
	if err != nil {
		return nil, 0, err
	}
	launched(s)
	took, err := f.awaitDecided(ctx, s)
	if err != nil {
		s.Stop()
		return nil, 0, err
	}
	fmt.Printf("  %s: all %d decided %.2f s after the start\n", b.name, f.n, took.Seconds())
	return s, took, nil
}

// awaitDecided waits until the source has answered each query, and then until the metrics have a decision and a known level for each object:
// a scrape costs too much to be repeated from the beginning.
func (f *fleet) awaitDecided(ctx context.Context, s *started) (took time.Duration, err error) {
	err = process.WaitFor(ctx, startTimeout, "each object has been read", func(context.Context) (bool, error) {
		return f.source.answered(1) >= f.n, s.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("%w; %d of %d have; the end of the log:\n%s", err, f.source.answered(1), f.n, s.LogTail(2<<10))
	}
	err = process.WaitFor(ctx, startTimeout, "each object has been decided", func(ctx context.Context) (bool, error) {
		took = time.Since(s.at)
		metrics, err := f.scrape(ctx, s.url)
		if err != nil {
			return false, errors.Join(err, s.Err())
		}
		decided, _ := metrics.sum("impulse_desired_replicas")
		_, known := metrics.sum("impulse_trigger_known")
		return decided >= f.n && int(known) >= f.n, nil
	})
	return took, err
}

// awaitQuiet waits until each object has been read rounds times, and then until no status has been written for a while.
func (f *fleet) awaitQuiet(ctx context.Context, s *started, rounds int) error {
	err := process.WaitFor(ctx, time.Duration(rounds)*f.interval+startTimeout, "each object has been read again", func(context.Context) (bool, error) {
		return f.source.answered(rounds) >= f.n, s.Err()
	})
	last := -1.0
	for i := 0; i < steadyAttempts && err == nil; i++ {
		metrics, failed := f.scrapeAPIServer(ctx)
		if failed != nil {
			return failed
		}
		written := metrics.writes()["scaledobjects/status"]
		if written == last {
			return nil
		}
		last = written
		err = wait(ctx, steadyTime)
	}
	return err
}

// bytesPerObject is the size of an object of the fleet in the API, as JSON without the managed fields.
func (f *fleet) bytesPerObject(ctx context.Context) (int, error) {
	object, err := f.dynamic.Resource(scaledObjects).Namespace(f.namespace).Get(ctx, app(0), metav1.GetOptions{})
	if err != nil {
		return 0, fmt.Errorf("read an object: %w", err)
	}
	object.SetManagedFields(nil)
	text, err := object.MarshalJSON()
	return len(text), err
}

// profileTo is the path of a profile of a build, such as DIR/base-rest-1000-heap.pprof; its folder exists.
func (f *fleet) profileTo(o options, b impulseBuild, during, kind string) (string, error) {
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return "", fmt.Errorf("create the folder of profiles: %w", err)
	}
	return filepath.Join(o.profile, strings.Join([]string{b.name, during, strconv.Itoa(f.n), kind}, "-")+".pprof"), nil
}
