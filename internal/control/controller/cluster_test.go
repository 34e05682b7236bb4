package controller

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestCluster(t *testing.T) {
	t.Run("during an outage the objects are read again every three seconds at least", testDuringOutageObjectsAreReadAgainEveryThreeSecondsAtLeast)
	t.Run("an API server that does not answer is asked again, and logged once", testAPIServerThatDoesNotAnswerIsAskedAgainAndLoggedOnce)
	t.Run("a failure is logged once, also while the reflector retries, and its end", testFailureIsLoggedOnceAndItsEnd)
}

// outage is an http.RoundTripper to an API server that cannot be reached.
type outage struct {
	err  error
	mu   sync.Mutex
	sent []time.Time
}

// RoundTrip implements http.RoundTripper.
func (o *outage) RoundTrip(*http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, time.Now())
	return nil, o.err
}

func testDuringOutageObjectsAreReadAgainEveryThreeSecondsAtLeast(t *testing.T) {
	for _, err := range []error{syscall.ECONNREFUSED, io.ErrUnexpectedEOF, syscall.EHOSTUNREACH} { // client-go repeats some requests itself.
		synctest.Test(t, func(t *testing.T) {
			api := &outage{err: err}
			cluster, err := NewCluster(&rest.Config{Host: "http://api.test", Transport: api}, "", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				cluster.Run(ctx, nil, func() { t.Error("objects were listed") })
			}()
			<-time.After(10 * time.Minute)
			cancel()
			<-done
			synctest.Wait() // A reflector does not wait for the end of a list.
			api.mu.Lock()
			defer api.mu.Unlock()
			last := api.sent[0]
			for _, at := range append(api.sent[1:], time.Now()) {
				if pause := at.Sub(last); pause > 3*time.Second {
					t.Errorf("%v: nothing was sent for %s, want 3s at most", api.err, pause)
				}
				last = at
			}
			if len(api.sent) > 2*10*60 {
				t.Errorf("%v: %d requests in 10 minutes, want 2 a second at most", api.err, len(api.sent))
			}
		})
	}
}

const objectsPath = "/apis/impulse.sh/v1alpha1/scaledobjects"

// readObjects calls play while the ScaledObjects of a fake API server, which has none, are read in virtual time. lines returns the log.
func readObjects(t *testing.T, play func(api *testkit.WatchServer, listed func() int, lines func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		api := testkit.NewWatchServer()
		api.List(objectsPath, "impulse.sh/v1alpha1", "ScaledObject")
		log := testkit.NewLog(t)
		cluster, err := NewCluster(&rest.Config{Host: "http://api.test", Transport: api}, "", slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			cluster.Run(ctx, New(Options{}, nil), func() { n++ })
		}()
		play(api, func() int { synctest.Wait(); return n }, func() []string { synctest.Wait(); return strings.Split(strings.TrimSpace(log.String()), "\n") })
		cancel()
		<-done
	})
}

func testAPIServerThatDoesNotAnswerIsAskedAgainAndLoggedOnce(t *testing.T) {
	readObjects(t, func(api *testkit.WatchServer, listed func() int, lines func() []string) {
		<-time.After(time.Second)
		if n := listed(); n != 1 {
			t.Fatalf("objects were listed %d times, want once", n)
		}
		api.Fail(objectsPath, testkit.Unanswered)
		<-time.After(time.Hour)
		if sent := api.Sent(objectsPath); sent < 60 {
			t.Errorf("%d requests in an hour, want one a minute at least", sent)
		}
		if got := lines(); len(got) > 2 || !strings.Contains(got[0], "resource=scaledobjects") {
			t.Errorf("logged %q, want once for each kind of request", got)
		}
		api.Fail(objectsPath, nil)
		<-time.After(3 * time.Minute)
		if n := listed(); n < 2 {
			t.Errorf("objects were listed %d times, want once more", n)
		}
	})
}

func testFailureIsLoggedOnceAndItsEnd(t *testing.T) {
	readObjects(t, func(api *testkit.WatchServer, _ func() int, lines func() []string) {
		<-time.After(time.Second)
		api.Fail(objectsPath, testkit.Status(http.StatusTooManyRequests))
		<-time.After(50 * time.Second)
		if got := lines(); got[0] != "" {
			t.Errorf("logged %q within a minute, want nothing", got)
		}
		<-time.After(time.Hour)
		api.Fail(objectsPath, nil)
		<-time.After(10 * time.Second)
		if got := lines(); len(got) != 2 || !strings.Contains(got[0], "objects cannot be read") || !strings.Contains(got[1], "objects are read again") {
			t.Errorf("logged %q, want the failure and its end", got)
		}
	})
}
