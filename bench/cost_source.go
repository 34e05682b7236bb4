package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/bench/source"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// objectsPerFile is the number of objects in one file.
	objectsPerFile = 100
	// steadyTime is the time without a first status and without a failed reading before a measurement, which begins after steadyAttempts of
	// it in any case.
	steadyTime     = 2 * time.Second
	steadyAttempts = 20
	// maxFailed: one of this many readings may fail, such as by a timeout on a busy machine.
	maxFailed = 100
)

// measured is a source with one Impulse that reads it, and one process that reads the same with the client library alone.
type measured struct {
	*costs

	source source.Source
	// triggers is the number of levels that both read regularly. Impulse also reads the next one, every second.
	triggers int
	url      string
	impulse  *process.Process
	bare     *process.Process
	results  []result
	// failed is why it cannot be measured any further.
	failed error
}

// start starts both and waits until each trigger has been read.
func (m *measured) start(ctx context.Context) (err error) {
	s := m.source
	m.triggers = m.options.objects
	if s.Triggers > 0 {
		m.triggers = min(s.Triggers, m.triggers)
	}
	objects := make([]object, m.triggers)
	for i := range objects {
		objects[i] = object{name: source.Workload(i), interval: costInterval, kind: s.Type, metadata: s.Metadata(i)}
	}
	if s.Set != nil {
		if err := m.createDeployment(ctx, costNamespace, m.changing(), source.Workload(m.triggers), low); err != nil {
			return err
		}
		if err := m.createDeployment(ctx, costNamespace, m.bareTarget(), m.bareTarget(), low); err != nil {
			return err
		}
		objects = append(objects, object{name: m.changing(), interval: changingInterval, kind: s.Type, metadata: s.Metadata(m.triggers)})
	}
	if m.url, m.impulse, err = m.runObjects(ctx, m.slug(), objects); err != nil {
		return err
	}
	if m.bare, err = m.startBare(ctx); err != nil {
		return err
	}
	err = process.WaitFor(ctx, time.Minute, "each trigger has been read", func(ctx context.Context) (bool, error) {
		decisions, err := m.sum(ctx, m.url, "impulse_decisions_total")
		return err == nil && decisions >= float64(m.triggers), m.impulse.Err()
	})
	if err != nil {
		err = fmt.Errorf("%w; the end of the log:\n%s", err, m.impulse.LogTail(2<<10))
	}
	return err
}

// slug returns the source's name as part of the name of a file or of an object.
func (m *measured) slug() string { return strings.ReplaceAll(m.source.Name, "/", "-") }

// stop ends both processes.
func (m *measured) stop() {
	for _, p := range []*process.Process{m.impulse, m.bare} {
		if p != nil {
			p.Stop()
		}
	}
}

// startBare runs this program as the bare reader.
func (m *measured) startBare(ctx context.Context) (*process.Process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	interval, n := costInterval, m.triggers
	if m.source.Interval > 0 {
		interval = m.source.Interval
	}
	if m.source.Shared {
		n = 1
	}
	return process.Start(ctx, m.dir, "bare-"+m.slug(), filepath.Clean(binary), "-bare", m.source.Name, "-bare-address", m.source.Address,
		"-bare-interval", interval.String(), "-objects", strconv.Itoa(n))
}

// measureCPU measures the CPU that both use in the same time.
func (m *measured) measureCPU(ctx context.Context) error {
	if err := m.awaitSteady(ctx); err != nil {
		return err
	}
	began := time.Now()
	before, err := m.used(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, m.options.cost-time.Since(began)); err != nil {
		return err
	}
	after, err := m.used(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	readings, failed := after.decisions-before.decisions, after.errors-before.errors
	if failed*maxFailed > readings {
		return fmt.Errorf("%.0f of %.0f readings failed; the end of the log:\n%s", failed, readings, m.impulse.LogTail(2<<10))
	}
	perMinute := func(d time.Duration) float64 { return d.Seconds() / took.Minutes() }
	ours, reference := perMinute(after.impulse-before.impulse), perMinute(after.bare-before.bare)
	fmt.Printf("  %s: %d triggers, %.0f readings: %.2f s of CPU per minute, %.2f s with the library alone\n", m.source.Name, m.triggers, readings, ours, reference)
	m.results = append(m.results, single(fmt.Sprintf("cost/cpu/%s/%d-triggers", m.source.Name, m.triggers), "s/min", int(readings), ours, reference))
	return nil
}

// awaitSteady waits until the first status of each object is written, and no reading has failed for a while, because on a busy machine some
// of the first ones do. It does not wait longer than steadyAttempts.
func (m *measured) awaitSteady(ctx context.Context) error {
	last := -1.0
	for range steadyAttempts {
		if err := wait(ctx, steadyTime); err != nil {
			return err
		}
		written, err := m.sum(ctx, m.url, "impulse_status_writes_total")
		if err != nil {
			return err
		}
		failed, err := m.sum(ctx, m.url, "impulse_trigger_errors_total")
		if err != nil || written+failed == last {
			return err
		}
		last = written + failed
	}
	return nil
}

// usage is what both processes have used so far, and Impulse's readings.
type usage struct {
	impulse, bare     time.Duration
	decisions, errors float64
}

func (m *measured) used(ctx context.Context) (u usage, err error) {
	for _, p := range []*process.Process{m.impulse, m.bare} {
		if err := p.Err(); err != nil {
			return u, err
		}
	}
	if u.impulse, err = processCPU(m.impulse.PID()); err != nil {
		return u, err
	}
	if u.bare, err = processCPU(m.bare.PID()); err != nil {
		return u, err
	}
	if u.decisions, err = m.sum(ctx, m.url, "impulse_decisions_total"); err != nil {
		return u, err
	}
	u.errors, err = m.sum(ctx, m.url, "impulse_trigger_errors_total")
	return u, err
}

// object is a ScaledObject with one trigger.
type object struct {
	name     string
	interval time.Duration
	kind     string
	metadata map[string]string
}

// json returns the object as a document of a file. It scales by any number of replicas at once.
func (o object) json() ([]byte, error) {
	atOnce := map[string]any{"stabilizationWindowSeconds": 0, "policies": []any{map[string]any{"type": "Pods", "value": 100, "periodSeconds": 1}}}
	return json.Marshal(map[string]any{
		"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": o.name, "namespace": costNamespace},
		"spec": map[string]any{
			"scaleTargetRef": map[string]any{"name": o.name}, "minReplicaCount": low, "maxReplicaCount": 10, "pollingInterval": int(o.interval.Seconds()),
			"advanced": map[string]any{"horizontalPodAutoscalerConfig": map[string]any{"behavior": map[string]any{"scaleUp": atOnce, "scaleDown": atOnce}}},
			"triggers": []any{map[string]any{"type": o.kind, "metadata": o.metadata}},
		},
	})
}

// runObjects runs an Impulse of its own with objects from files, and returns its URL.
func (c *costs) runObjects(ctx context.Context, name string, objects []object) (string, *process.Process, error) {
	folder := filepath.Join(c.dir, "objects-"+name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", nil, fmt.Errorf("create a folder: %w", err)
	}
	var text strings.Builder
	for i, o := range objects {
		content, err := o.json()
		if err != nil {
			return "", nil, fmt.Errorf("encode an object: %w", err)
		}
		text.WriteString("---\n" + string(content) + "\n")
		if (i+1)%objectsPerFile == 0 || i == len(objects)-1 {
			if err := writeFile(folder, strconv.Itoa(i)+".yaml", text.String()); err != nil {
				return "", nil, err
			}
			text.Reset()
		}
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	p, err := process.Start(ctx, c.dir, "impulse-"+name, c.binary, "run", "--kubeconfig", c.kubeconfig, "--namespace", costNamespace,
		"--config", folder, "--state-dir", filepath.Join(c.dir, "state-"+name), "--lease-namespace", costNamespace, "--lease-name", name,
		"--listen", address)
	return "http://" + address, p, err
}

// wait returns after d, or when ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
