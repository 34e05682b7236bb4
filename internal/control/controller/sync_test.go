package controller

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestSync(t *testing.T) {
	t.Run("listed objects run once the alerts are known", testListedObjectsRunOnceAlertsAreKnown)
	t.Run("a list that waits for the alerts until the term ends is not applied", testListThatWaitsUntilTermEndsIsNotApplied)
}

// lists are the two ways by which a list with the object web reaches a controller. Each calls onListed after the list, and returns what
// Listed then returns.
func (e *env) lists() map[string]func(onListed func()) bool {
	e.t.Helper()
	dir := e.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(objectYAML("web", 10)), 0o600); err != nil {
		e.t.Fatal(err)
	}
	states, err := NewStates(e.t.TempDir())
	if err != nil {
		e.t.Fatal(err)
	}
	return map[string]func(onListed func()) bool{
		"from the cluster": func(onListed func()) bool {
			k := &Cluster{}
			f := &feed{ctx: e.ctx, cluster: k, controller: e.controller, onListed: onListed}
			if err := f.Replace([]any{object("web")}, "1"); err != nil {
				e.t.Error(err)
			}
			return k.Listed()
		},
		"from files": func(onListed func()) bool {
			ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
			defer cancel()
			f := &Folder{Path: dir, Kinds: []triggers.Kind{e.fakes.kind()}, States: states, Log: slog.New(slog.DiscardHandler)}
			f.listed.Store(true) // As after a term before.
			f.Run(ctx, e.controller, onListed)
			return f.Listed()
		},
	}
}

func testListedObjectsRunOnceAlertsAreKnown(t *testing.T) {
	for _, from := range []string{"from the cluster", "from files"} {
		in(t, func(t *testing.T, e *env) {
			e.controller.options.AwaitAlerts = func() {
				pass(3 * time.Second)
				e.expectSources("web", 0, 0)
			}
			calls := 0
			listed := e.lists()[from](func() {
				calls++
				pass(time.Second)
				e.expectSources("web", 1, 1)
			})
			if !listed || calls != 1 {
				t.Errorf("%s: Listed is %t, and onListed was called %d times; want true, and once", from, listed, calls)
			}
		})
	}
}

func testListThatWaitsUntilTermEndsIsNotApplied(t *testing.T) {
	for _, from := range []string{"from the cluster", "from files"} {
		in(t, func(t *testing.T, e *env) {
			e.controller.options.AwaitAlerts = e.end
			if listed := e.lists()[from](func() { t.Errorf("%s: onListed was called, want no call", from) }); listed {
				t.Errorf("%s: Listed is true, want false", from)
			}
			e.awaitStatuses()
			e.expectSources("web", 0, 0)
			if n := len(e.controller.entries); n != 0 {
				t.Errorf("%s: the controller has %d objects, want none", from, n)
			}
		})
	}
}
