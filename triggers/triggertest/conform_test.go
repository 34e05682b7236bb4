package triggertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestConform(t *testing.T) {
	t.Run("good kinds pass", testGoodKindsPass)
	t.Run("sources with wrong events fail", testSourcesWithWrongEventsFail)
	t.Run("sources that end wrongly fail", testSourcesThatEndWronglyFail)
	t.Run("a bad README fails", testBadREADMEFails)
}

// config is that of the kinds in this test.
type config struct {
	Address   string        `json:"address" required:"true" doc:"Where the source is."`
	Threshold scalers.Milli `json:"threshold" doc:"The level for one replica."`
}

// Validate wants a positive threshold.
func (c config) Validate() error {
	if c.Threshold <= 0 {
		return &triggers.FieldError{Field: "threshold", Problem: "must be above 0"}
	}
	return nil
}

// Trigger divides by the threshold.
func (c config) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Threshold} }

// fakeSource is what the sources in this test read.
type fakeSource struct {
	mu      sync.Mutex
	broken  bool
	changed chan struct{}
}

func (o *fakeSource) set(broken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = broken
	close(o.changed)
	o.changed = make(chan struct{})
}

// current returns the level, and a channel that is closed when it changes.
func (o *fakeSource) current() (scalers.Event, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := scalers.Event{Trigger: name, At: scalers.InstantOf(time.Now()), Value: 3000}
	if o.broken {
		e.Err = errors.New("read: connection refused")
	}
	return e, o.changed
}

// Read makes it a triggers.Reader.
func (o *fakeSource) Read(context.Context) (scalers.Milli, error) {
	e, _ := o.current()
	return e.Value, e.Err
}

// run is a source as a function.
type run func(ctx context.Context, emit func(scalers.Event)) error

// Run makes it a triggers.Source.
func (r run) Run(ctx context.Context, emit func(scalers.Event)) error { return r(ctx, emit) }

// follow reports each change that wanted lets through.
func (o *fakeSource) follow(wanted func(scalers.Event) bool) run {
	return func(ctx context.Context, emit func(scalers.Event)) error {
		for {
			e, changed := o.current()
			if ctx.Err() == nil && wanted(e) {
				emit(e)
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

const goodReadme = "# thing\n\nA thing.\n\n## Parameters\n| parameter | meaning |\n|---|---|\n| `address` | where |\n| `threshold` | how much |\n\n" +
	"## Example\n```yaml\ntriggers:\n- type: thing\n  metadata:\n    address: here # comment\n    threshold: 2\n```\n\n" +
	"## Behaviour\n```sh\n## no heading\n```\n\n## What is unknown\nNothing.\n\n## How to try it\nDo.\n"

// subjectOf is a kind whose sources are opened by open, with a short timeout.
func subjectOf(t *testing.T, o *fakeSource, open func(config, triggers.Env) (triggers.Source, error)) subject {
	t.Helper()
	kind := triggers.Define("thing", "Things that wait.", config{Threshold: 1000}, open)
	kind.Example = map[string]string{"address": "here"}
	return subject{
		kind: kind,
		fixture: Fixture{
			Metadata: map[string]string{"address": "here", "threshold": "2"}, Secrets: map[string]string{"token": "s3cret"},
			Break: func(testing.TB) { o.set(true) }, Repair: func(testing.TB) { o.set(false) },
		},
		timeout: 300 * time.Millisecond,
		readme:  write(t, goodReadme),
	}
}

func write(t *testing.T, readme string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte(readme), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func failures(t *testing.T, s subject) map[string]error {
	t.Helper()
	all := map[string]error{}
	for _, c := range checks() {
		if err := c.try(t, s); err != nil {
			all[c.name] = err
		}
	}
	return all
}

func testGoodKindsPass(t *testing.T) {
	o := &fakeSource{changed: make(chan struct{})}
	kinds := map[string]func(config, triggers.Env) (triggers.Source, error){
		"pushed": func(config, triggers.Env) (triggers.Source, error) { return o.follow(anyEvent), nil },
		"polled": func(_ config, env triggers.Env) (triggers.Source, error) {
			return triggers.Poll(triggers.PollKey{Server: "outside", Key: "thing"}, o, env), nil
		},
	}
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			s := subjectOf(t, o, open)
			s.timeout = time.Minute
			for name, err := range failures(t, s) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// started is a passive source whose Run is right and whose Start is the function.
type started struct {
	triggers.Source
	start func(emit func(scalers.Event)) (stop func())
}

func (s started) Start(emit func(scalers.Event)) (stop func(), err error) { return s.start(emit), nil }

// violation is a source that breaks one promise, and the check that has to find it.
type violation struct {
	name, check string
	open        func(o *fakeSource, env triggers.Env) (triggers.Source, error)
}

func (b violation) mustBeFound(t *testing.T) {
	t.Helper()
	t.Run(b.name, func(t *testing.T) {
		o := &fakeSource{changed: make(chan struct{})}
		s := subjectOf(t, o, func(_ config, env triggers.Env) (triggers.Source, error) { return b.open(o, env) })
		i := slices.IndexFunc(checks(), func(k check) bool { return k.name == b.check })
		if err := checks()[i].try(t, s); err == nil {
			t.Errorf("the suite finds nothing when a source %s", b.name)
		}
	})
}

func testSourcesWithWrongEventsFail(t *testing.T) {
	for _, b := range []violation{
		{"leaves a goroutine after stop", "starts and stops without Run if it is passive", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return started{o.follow(anyEvent), func(emit func(scalers.Event)) func() {
				e, _ := o.current()
				emit(e)
				go func() { <-t.Context().Done() }()
				return func() {}
			}}, nil
		}},
		{"stays silent", "reports at once", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return o.follow(func(scalers.Event) bool { return false }), nil
		}},
		{"keeps its failures to itself", "reports that its source went down, and recovers", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return o.follow(known), nil
		}},
		{"reads unknown as zero", "reports that its source is down at the start, and recovers", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				return o.follow(anyEvent)(ctx, func(e scalers.Event) { e.Err = nil; emit(e) })
			}), nil
		}},
		{"gives up on a failure", "reports that its source went down, and recovers", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return o.follow(anyEvent)(ctx, func(e scalers.Event) {
					if emit(e); e.Err != nil {
						cancel()
					}
				})
			}), nil
		}},
		{"works in Open", "decodes and opens without I/O", func(o *fakeSource, env triggers.Env) (triggers.Source, error) {
			_, err := env.Secrets(t.Context(), "token")
			return o.follow(anyEvent), err
		}},
		{"starts a goroutine in Open", "decodes and opens without I/O", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			go func() { <-t.Context().Done() }()
			return o.follow(anyEvent), nil
		}},
		{"repeats a secret", "reports that its source is down at the start, and recovers", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				return o.follow(anyEvent)(ctx, func(e scalers.Event) {
					if e.Err != nil {
						e.Err = errors.New("token s3cret was refused")
					}
					emit(e)
				})
			}), nil
		}},
	} {
		b.mustBeFound(t)
	}
}

func testSourcesThatEndWronglyFail(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	for _, b := range []violation{
		{"leaks a goroutine", "ends with its context and leaves no goroutine", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				go func() { <-block }()
				return o.follow(anyEvent)(ctx, emit)
			}), nil
		}},
		{"emits after it has returned", "ends with its context and leaves no goroutine", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				err := o.follow(anyEvent)(ctx, emit)
				go func() {
					again := time.NewTicker(time.Millisecond)
					defer again.Stop()
					for range 20 {
						<-again.C
						emit(scalers.Event{})
					}
				}()
				return err
			}), nil
		}},
		{"does not end", "ends with its context and leaves no goroutine", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				err := o.follow(anyEvent)(ctx, emit)
				<-block
				return err
			}), nil
		}},
		{"ends without saying why", "does not start when its context is done", func(o *fakeSource, _ triggers.Env) (triggers.Source, error) {
			return run(func(ctx context.Context, emit func(scalers.Event)) error {
				_ = o.follow(anyEvent)(ctx, emit)
				return nil
			}), nil
		}},
	} {
		b.mustBeFound(t)
	}
}

func testBadREADMEFails(t *testing.T) {
	for name, readme := range map[string]string{
		"another title":                  strings.Replace(goodReadme, "# thing", "# Thing", 1),
		"a section is missing":           strings.Replace(goodReadme, "## What is unknown\n", "", 1),
		"sections in another order":      strings.Replace(strings.Replace(goodReadme, "## Behaviour", "## X", 1), "## Parameters", "## Behaviour", 1),
		"a parameter is missing":         strings.Replace(goodReadme, "| `threshold` | how much |\n", "", 1),
		"the example has a misspelt key": strings.Replace(goodReadme, "threshold: 2", "treshold: 2", 1),
		"the example is of another type": strings.Replace(goodReadme, "type: thing", "type: other", 1),
		"there is no example":            strings.Replace(goodReadme, "```yaml", "```", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := subjectOf(t, nil, nil)
			s.readme = write(t, readme)
			if readmeIsRight(t, s) == nil {
				t.Error("the suite finds nothing")
			}
		})
	}
}
