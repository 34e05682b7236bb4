package watch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestBounded(t *testing.T) {
	t.Run("the reason is known at once while nothing has been read, and reported once", testReasonIsKnownAtOnceWhileNothingHasBeenRead)
	t.Run("objects expire after a minute without success, and count again once they are read", testObjectsExpireAfterMinuteWithoutSuccess)
	t.Run("objects that do not expire are reported as stale once", testObjectsThatDoNotExpireAreReportedAsStaleOnce)
	t.Run("objects that expired count again when a watch has caught up", testObjectsThatExpiredCountAgainWhenWatchHasCaughtUp)
	t.Run("a failure that ends within a minute is not reported", testFailureThatEndsWithinMinuteIsNotReported)
	t.Run("requests that are not answered end", testRequestsThatAreNotAnsweredEnd)
	t.Run("a watch that is not answered is followed by a list", testWatchThatIsNotAnsweredIsFollowedByList)
	t.Run("a watch that stalls before its last object is followed by a list", testWatchThatStallsBeforeItsLastObjectIsFollowedByList)
	t.Run("a watch that is overdue is stopped", testWatchThatIsOverdueIsStopped)
}

const podsPath = "/api/v1/pods"

// playing is a cache of the pods of a fake API server, in virtual time.
type playing struct {
	*testing.T
	*Cache[string, string]

	api   *testkit.WatchServer
	began time.Time

	mu     sync.Mutex
	events []string
}

// run calls play while a cache runs whose API server has one pod, named a.
func run(t *testing.T, expires bool, before func(*testkit.WatchServer), play func(*playing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &playing{T: t, api: testkit.NewWatchServer(), began: time.Now()}
		w.api.List(podsPath, "v1", "Pod", `{"metadata":{"name":"a","resourceVersion":"1"}}`)
		before(w.api)
		client, err := Client(&rest.Config{Host: "http://api.test", Transport: w.api}, corev1.SchemeGroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		w.Cache = NewCache(Options[string, string]{
			Source: func(context.Context) (cache.ListerWatcher, error) {
				return cache.NewListWatchFromClient(client, "pods", "", fields.Everything()), nil
			},
			Trim:    func(any) (string, bool) { return "pod", true },
			OnError: func(err error) { w.note("error: " + err.Error()) },
			OnRead:  func() { w.note("read") },
			Expires: expires, MaxRetry: func(error) time.Duration { return 2 * time.Second },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Cache.Run(ctx) }()
		play(w)
		cancel()
		<-done
	})
}

func healthy(*testkit.WatchServer) {}

func (w *playing) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, what)
}

// wait waits until a time since the beginning.
func (w *playing) wait(until time.Duration) {
	<-time.After(time.Until(w.began.Add(until)))
	synctest.Wait()
}

// want checks whether the pod is known, and why not.
func (w *playing) want(what string, known bool) {
	w.Helper()
	w.Lock()
	defer w.Unlock()
	ready, err := w.Synced()
	_, exists := w.Get(types.NamespacedName{Name: "a"})
	if got := ready && err == nil; got != known || known && !exists {
		w.Errorf("%s, after %s: ready %t, error %v, exists %t; want known %t", what, time.Since(w.began), ready, err, exists, known)
	}
}

// wantEvents checks what has been reported, by the beginnings of the texts.
func (w *playing) wantEvents(want ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.EqualFunc(w.events, want, strings.HasPrefix) {
		w.Errorf("reported %q, want texts that begin with %q", w.events, want)
	}
}

func testReasonIsKnownAtOnceWhileNothingHasBeenRead(t *testing.T) {
	for name, fault := range map[string]testkit.Fault{"429": testkit.Status(http.StatusTooManyRequests), "500": testkit.Status(http.StatusInternalServerError), "refused": refused()} {
		t.Run(name, func(t *testing.T) {
			run(t, true, func(api *testkit.WatchServer) { api.Fail(podsPath, fault) }, func(w *playing) {
				w.wait(time.Second)
				select {
				case <-w.Ready():
				default:
					t.Error("no reason is known after a second")
				}
				w.want("while nothing can be read", false)
				w.wait(time.Hour)
				w.wantEvents("error: ")
				w.api.Fail(podsPath, nil)
				w.wait(time.Hour + 10*time.Second)
				w.want("once it was read", true)
				w.wantEvents("error: ", "read")
			})
		})
	}
}

func testObjectsExpireAfterMinuteWithoutSuccess(t *testing.T) {
	run(t, true, healthy, func(w *playing) {
		w.wait(7 * time.Minute)
		w.want("while its watch is open", true)
		w.api.Fail(podsPath, testkit.Status(http.StatusInternalServerError))
		w.wait(7*time.Minute + 50*time.Second)
		w.want("50 s after the last success", true)
		w.wait(8*time.Minute + 5*time.Second)
		w.want("a minute after the last success", false)
		w.wait(time.Hour)
		w.want("an hour later", false)
		w.wantEvents("error: ")
		w.api.Fail(podsPath, nil)
		w.wait(time.Hour + 10*time.Second)
		w.want("once it was read again", true)
		w.wantEvents("error: ", "read")
	})
}

func testObjectsThatDoNotExpireAreReportedAsStaleOnce(t *testing.T) {
	run(t, false, healthy, func(w *playing) {
		w.wait(time.Second)
		w.api.Fail(podsPath, testkit.Status(http.StatusTooManyRequests))
		w.wait(time.Hour)
		w.want("after an hour", true)
		w.wantEvents("error: ")
	})
}

func testObjectsThatExpiredCountAgainWhenWatchHasCaughtUp(t *testing.T) {
	run(t, true, healthy, func(w *playing) {
		w.wait(time.Second)
		// The reflector repeats the watch by itself, and does not list.
		w.api.Fail(podsPath, testkit.OnlyWatches(testkit.Status(http.StatusTooManyRequests)))
		w.wait(2 * time.Minute)
		w.want("while the watch is refused", false)
		before := w.api.Sent(podsPath)
		w.api.Fail(podsPath, nil)
		w.wait(2*time.Minute + 15*time.Second)
		w.want("once the watch was open for a while", true)
		if got := w.api.Sent(podsPath) - before; got != 1 {
			t.Errorf("%d requests, want one watch", got)
		}
		w.wantEvents("error: ", "read")
	})
}

func testFailureThatEndsWithinMinuteIsNotReported(t *testing.T) {
	run(t, true, healthy, func(w *playing) {
		for i := range 20 {
			w.wait(time.Duration(2*i+1) * time.Minute)
			w.api.Fail(podsPath, testkit.Status(http.StatusServiceUnavailable))
			w.wait(time.Duration(2*i+1)*time.Minute + 50*time.Second)
			w.want("during the failure", true)
			w.api.Fail(podsPath, nil)
		}
		w.wantEvents()
	})
}

func testRequestsThatAreNotAnsweredEnd(t *testing.T) {
	run(t, true, func(api *testkit.WatchServer) { api.Fail(podsPath, testkit.Unanswered) }, func(w *playing) {
		w.wait(initialTimeout + listTimeout + time.Second)
		w.want("while nothing is answered", false)
		w.wantEvents("error: ")
		if got := w.api.Sent(podsPath); got < 2 {
			t.Errorf("%d requests, want a watch and a list", got)
		}
		w.api.Fail(podsPath, nil)
		w.wait(3 * time.Minute)
		w.want("once it is answered", true)
	})
}

func testWatchThatIsNotAnsweredIsFollowedByList(t *testing.T) {
	run(t, true, healthy, func(w *playing) {
		w.wait(time.Second)
		w.api.List(podsPath, "v1", "Pod")
		w.api.Fail(podsPath, testkit.OnlyWatches(testkit.Unanswered))
		w.wait(openTimeout + 5*time.Second)
		w.Lock()
		defer w.Unlock()
		if _, exists := w.Get(types.NamespacedName{Name: "a"}); exists {
			t.Error("the removal of the pod was not noticed")
		}
	})
}

func testWatchThatStallsBeforeItsLastObjectIsFollowedByList(t *testing.T) {
	stalled := func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("sendInitialEvents") != "true" {
			return nil, nil
		}
		return testkit.Silent(r), nil
	}
	run(t, true, func(api *testkit.WatchServer) { api.Fail(podsPath, stalled) }, func(w *playing) {
		w.wait(initialTimeout + 5*time.Second)
		w.want("after the time for an object", true)
	})
}

func testWatchThatIsOverdueIsStopped(t *testing.T) {
	run(t, true, func(api *testkit.WatchServer) { api.Endless = true }, func(w *playing) {
		w.wait(10*time.Minute + overdueAfter + time.Second) // A reflector asks for 5 to 10 minutes.
		if got := w.api.Sent(podsPath); got != 2 && got != 3 {
			t.Errorf("%d requests, want a watch and one or two more after it", got)
		}
		w.want("meanwhile", true)
		w.wantEvents()
	})
}

// refused is the fault of a server on whose port nothing listens.
func refused() testkit.Fault {
	n := 30000
	return func(*http.Request) (*http.Response, error) {
		n++
		return nil, fmt.Errorf("dial tcp 10.0.0.1:%d: %w", n, syscall.ECONNREFUSED)
	}
}
