package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Options say what to simulate.
type Options struct {
	Kinds []triggers.Kind
	// Files are the paths of files with objects.
	Files []string
	// Input is the path of a CSV file, "-" for Stdin; without one, the load comes from Prometheus.
	Input string
	Stdin io.Reader
	// Prometheus is the URL of a server that runs the first object's own PromQL queries from From to To, each a time or a duration ago.
	Prometheus string
	From, To   string
	// Timeout bounds one query; 0: DefaultTimeout.
	Timeout time.Duration
	// Step is the time between two points; 0: the first object's polling interval.
	Step time.Duration
	// Column is the column of the load that replicas have to serve, Capacity how much of it one replica can serve. "": the first column,
	// and the target of the first object.
	Column, Capacity string
	StartupDelay     time.Duration
	Baselines        []string
	// Now is the instant that durations ago are counted from.
	Now time.Time
	// Progress is called with the name of the object that runs and the part that is done, from 0 to 1; it may be nil.
	Progress func(name string, done float64)
}

// Result is the result of a simulation.
type Result struct {
	Policies []*Track `json:"policies"`
	// Oracle is the track that all are compared with, whether it is among the policies or not.
	Oracle *Track `json:"oracle"`

	model  *Model
	demand []Step
}

// Errors of options.
var (
	errNoObject = errors.New("there is no ScaledObject in the files")
	errNoInput  = errors.New("there is no load: give --input FILE or --prometheus URL")
	errCapacity = errors.New("is not a number above 0")
	errMistakes = errors.New("an object has mistakes")
)

// Simulate runs all objects and baselines on one load. The error names the option, the file or the trigger that is invalid, or is that
// of ctx.
func Simulate(ctx context.Context, o Options) (*Result, error) {
	objects, err := o.objects()
	if err != nil {
		return nil, err
	}
	m, err := o.model(ctx, objects[0].Workload)
	if err != nil {
		return nil, err
	}
	r := &Result{model: m, demand: m.Demand()}
	for _, object := range objects {
		name := object.Workload.Name
		if len(o.Files) > 1 {
			name = strings.TrimSuffix(filepath.Base(object.File), filepath.Ext(object.File))
		}
		track, err := Run(ctx, name, object.Workload, m, r.demand, func(done float64) {
			if o.Progress != nil {
				o.Progress(name, done)
			}
		})
		if err != nil {
			return nil, err
		}
		r.Policies = append(r.Policies, track)
	}
	if r.Oracle, err = Baseline("oracle", objects[0].Workload, m, r.demand); err != nil {
		return nil, err
	}
	for _, name := range o.Baselines {
		track, err := Baseline(name, objects[0].Workload, m, r.demand)
		if err != nil {
			return nil, err
		}
		r.Policies = append(r.Policies, track)
	}
	return r, nil
}

// First returns the scenario of the first object of the files on the load, to explain single decisions. Its errors are those of
// Simulate.
func First(ctx context.Context, o Options) (*engine.Scenario, error) {
	objects, err := o.objects()
	if err != nil {
		return nil, err
	}
	m, err := o.model(ctx, objects[0].Workload)
	if err != nil {
		return nil, err
	}
	return Scenario(objects[0].Workload, m)
}

// objects returns the objects of the files, which must all be valid.
func (o *Options) objects() ([]manifest.Compiled, error) {
	objects, problems, err := manifest.Load(o.Files, o.Stdin)
	if err != nil {
		return nil, err
	}
	var compiled []manifest.Compiled
	for _, object := range objects {
		one, more := manifest.Compile([]*manifest.Object{object}, o.Kinds) // One by one, as two versions of one object are compared.
		compiled, problems = append(compiled, one...), append(problems, more...)
	}
	problems = slices.DeleteFunc(problems, func(p diag.Error) bool { return p.Warning })
	if len(problems) > 0 {
		all := make([]string, len(problems))
		for i, p := range problems {
			all[i] = p.Error()
		}
		return nil, fmt.Errorf("%w:\n%s", errMistakes, strings.Join(all, "\n"))
	}
	if len(compiled) == 0 {
		return nil, errNoObject
	}
	return compiled, nil
}

// model returns the load, and how much of it a replica can serve.
func (o *Options) model(ctx context.Context, w *compile.Workload) (*Model, error) {
	load, err := o.load(ctx, w)
	if err != nil {
		return nil, err
	}
	m := &Model{Load: load, Column: &load.Columns[0], StartupDelay: o.StartupDelay}
	if o.Column != "" {
		if m.Column = load.Column(o.Column); m.Column == nil {
			names := make([]string, len(load.Columns))
			for i := range load.Columns {
				names[i] = load.Columns[i].Name
			}
			return nil, fmt.Errorf("--load-column %s: %w; it has %v", o.Column, errNoColumn, names)
		}
	}
	if o.Capacity == "" {
		target, _, err := firstShared(w, m)
		if err != nil {
			return nil, fmt.Errorf("--capacity-per-replica: %w", errNoCapacity)
		}
		m.Capacity = target
		return m, nil
	}
	if m.Capacity, err = scalers.ParseExact(o.Capacity); err != nil {
		return nil, fmt.Errorf("--capacity-per-replica: %w", err)
	}
	if m.Capacity <= 0 {
		return nil, fmt.Errorf("--capacity-per-replica: %q %w", o.Capacity, errCapacity)
	}
	return m, nil
}

// load reads the load from its source.
func (o *Options) load(ctx context.Context, w *compile.Workload) (*Load, error) {
	switch {
	case o.Input == "-":
		return ReadCSV("standard input", regularfile.Limit(o.Stdin, maxInput))
	case o.Input != "":
		file, err := regularfile.Open(o.Input)
		if err != nil {
			return nil, fmt.Errorf("read the load: %w", err)
		}
		defer file.Close()
		return ReadCSV(o.Input, regularfile.Limit(file, maxInput))
	case o.Prometheus != "":
		return o.query(ctx, w)
	default:
		return nil, errNoInput
	}
}

// Table writes the scores as a table. The error is that of w.
func (r *Result) Table(w io.Writer) error { return Table(w, r.Policies, r.Oracle) }

// PlotTo draws a picture into a file.
func (r *Result) PlotTo(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return errors.Join(Plot(file, path, r.model, r.demand, r.Policies), file.Close())
}
