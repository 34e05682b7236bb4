package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestWatch(t *testing.T) {
	t.Run("references to one name share a value until the last release", testReferencesToOneNameShareValueUntilLastRelease)
	t.Run("a release does not wait for the end of the run, which counts within the limit", testReleaseDoesNotWaitForEndOfRun)
	t.Run("each reference is released once", testEachReferenceIsReleasedOnce)
	t.Run("a cache reports each error once and retries after a pause", testCacheReportsEachErrorOnceAndRetriesAfterPause)
	t.Run("the store adapter notifies of changes only", testStoreAdapterNotifiesOfChangesOnly)
}

// runner runs until its context is done, which takes a while.
type runner struct{ ran, running int }

func (r *runner) Run(ctx context.Context) {
	r.ran, r.running = r.ran+1, r.running+1
	<-ctx.Done()
	<-time.After(time.Second)
	r.running--
}

func testReferencesToOneNameShareValueUntilLastRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		p := NewPool(func(string) *runner { opened++; return &runner{} })
		ctx, cancel := context.WithCancel(t.Context())
		first, release1 := p.Acquire(ctx, "a")
		second, release2 := p.Acquire(ctx, "a")
		cancel()
		synctest.Wait()
		if first != second || opened != 1 || first.ran != 1 || first.running != 1 {
			t.Errorf("two references to one name: same value %t, opened %d, ran %d times, %d run; want true, 1, 1, 1", first == second, opened, first.ran, first.running)
		}
		if _, _, ok := p.AcquireWithin(t.Context(), "b", 1); ok {
			t.Error("a second value was opened within a limit of 1")
		}
		if _, release, ok := p.AcquireWithin(t.Context(), "a", 1); !ok {
			t.Error("a value that runs was not acquired within a limit of 1")
		} else {
			release()
		}
		release1()
		release1()
		if _, ok := p.Get("a"); !ok || first.running != 1 {
			t.Errorf("with one reference left: found %t, %d run; want true, 1", ok, first.running)
		}
		release2()
		if _, ok := p.Get("a"); ok || p.Len() != 0 {
			t.Errorf("after the last release: found %t, %d in the pool; want false, 0", ok, p.Len())
		}
		p.Wait()
	})
}

func testReleaseDoesNotWaitForEndOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(func(string) *runner { return &runner{} })
		value, release := p.Acquire(t.Context(), "a")
		synctest.Wait()
		began := time.Now()
		release()
		if took := time.Since(began); took > 0 {
			t.Errorf("the last release took %s, want 0s", took)
		}
		if _, _, ok := p.AcquireWithin(t.Context(), "b", 1); ok {
			t.Error("a second value was opened within a limit of 1 while the first one was ending")
		}
		p.Wait()
		if took := time.Since(began); value.running != 0 || took != time.Second {
			t.Errorf("after a wait of %s %d run, want 1s and none", took, value.running)
		}
		_, release, ok := p.AcquireWithin(t.Context(), "b", 1)
		if !ok {
			t.Fatal("no value was opened within a limit of 1 after the first one had ended")
		}
		release()
		p.Wait()
	})
}

func testEachReferenceIsReleasedOnce(t *testing.T) {
	p := NewPool(func(int) waiter { return waiter{} })
	var users sync.WaitGroup
	for i := range 50 {
		users.Go(func() {
			for range 100 {
				_, release := p.Acquire(t.Context(), i%3)
				release()
				release()
			}
		})
	}
	users.Wait()
	if n := p.Len(); n != 0 {
		t.Errorf("%d values run after the last release, want none", n)
	}
}

type waiter struct{}

func (waiter) Run(ctx context.Context) { <-ctx.Done() }

// errRefused is a permanent error of the tests.
var errRefused = errors.New("refused")

// env is a cache whose source fails with an error, or is never opened.
type env struct {
	*Cache[string, string]

	mu     sync.Mutex
	err    error
	opened []time.Duration
	began  time.Time
	errors []string
}

func newEnv() *env {
	e := &env{began: time.Now()}
	e.Cache = NewCache(Options[string, string]{
		Source: e.open,
		Trim: func(object any) (string, bool) {
			o, ok := object.(*metav1.PartialObjectMetadata)
			return o.Labels["value"], ok && o.Labels["value"] != ""
		},
		OnChange: func(name types.NamespacedName, _, _ *string) { e.Notify(name.Name) },
		OnError:  func(err error) { e.errors = append(e.errors, err.Error()) },
		Lasting:  func(err error) bool { return errors.Is(err, errRefused) },
		MaxRetry: func(error) time.Duration { return time.Second },
	})
	return e
}

func (e *env) open(context.Context) (cache.ListerWatcher, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened = append(e.opened, time.Since(e.began))
	return nil, e.err
}

func (e *env) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func object(name, value string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"value": value}}}
}

// state describes what a reader finds under the name a.
func (e *env) state() string {
	e.Lock()
	defer e.Unlock()
	synced, err := e.Synced()
	value, exists := e.Get(types.NamespacedName{Name: "a"})
	return fmt.Sprintf("synced %t, err %v, %q exists %t", synced, err, value, exists)
}

func (e *env) want(t *testing.T, what, want string) {
	t.Helper()
	if got := e.state(); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func testCacheReportsEachErrorOnceAndRetriesAfterPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv()
		e.fail(errors.New("away"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		e.want(t, "before anything is read", `synced false, err <nil>, "" exists false`)
		go func() { defer close(done); e.Run(ctx) }()
		<-e.Ready()
		e.want(t, "while the API server is away", `synced true, err away, "" exists false`)
		n := testkit.NewNotifier()
		unsubscribe := e.Subscribe("a", n)
		store := e.Store()
		if err := store.Replace([]any{object("a", "1"), object("b", "2")}, ""); err != nil {
			t.Fatal(err)
		}
		<-n
		<-time.After(time.Minute)
		e.want(t, "once it has been read", `synced true, err <nil>, "1" exists true`)
		e.fail(errRefused)
		<-n
		e.want(t, "once reading is refused", `synced true, err refused, "1" exists true`)
		if err := store.Replace([]any{object("b", "2")}, ""); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		e.want(t, "once it is gone", `synced true, err <nil>, "" exists false`)
		unsubscribe()
		if e.Subscribed() != 0 {
			t.Errorf("%d keys are subscribed to after the last unsubscribe, want none", e.Subscribed())
		}
		if got := fmt.Sprint(e.errors); got != "[away refused]" {
			t.Errorf("reported errors %s, want each once", got)
		}
		for i := range e.opened[1:] {
			if pause := e.opened[i+1] - e.opened[i]; pause < minRetry || pause > 1500*time.Millisecond {
				t.Errorf("pause %d is %s, want one from %s to 1.5s", i, pause, minRetry)
			}
		}
	})
}

func testStoreAdapterNotifiesOfChangesOnly(t *testing.T) {
	e := newEnv()
	store := e.Store()
	n := testkit.NewNotifier()
	e.Subscribe("a", n)
	for _, step := range []struct {
		what     string
		do       func() error
		notified bool
		want     string
	}{
		{"a list without it", func() error { return store.Replace(nil, "") }, true, `synced true, err <nil>, "" exists false`},
		{"it is added", func() error { return store.Add(object("a", "1")) }, true, `synced true, err <nil>, "1" exists true`},
		{"another is added", func() error { return store.Add(object("b", "1")) }, false, `synced true, err <nil>, "1" exists true`},
		{"it is updated", func() error { return store.Update(object("a", "2")) }, true, `synced true, err <nil>, "2" exists true`},
		{"nothing of it is kept", func() error { return store.Update(object("a", "")) }, true, `synced true, err <nil>, "" exists false`},
		{"it is removed", func() error { return store.Delete(object("a", "2")) }, false, `synced true, err <nil>, "" exists false`},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		notified := false
		select {
		case <-n:
			notified = true
		default:
		}
		if notified != step.notified {
			t.Errorf("%s: notified %t, want %t", step.what, notified, step.notified)
		}
		e.want(t, step.what, step.want)
	}
	if err := store.Add("no object"); err == nil {
		t.Error("a value without metadata was stored, want an error")
	}
}
