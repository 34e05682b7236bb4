package actuator

import (
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

func TestFollow(t *testing.T) {
	t.Run("readings of Scales that wait have no goroutine", testReadingsOfScalesThatWaitHaveNoGoroutine)
	t.Run("stop waits for the call in progress, and none follows", testStopWaitsForCallInProgress)
}

// hanging is an API server that does not answer until it is released. It then refuses all requests.
type hanging struct {
	release chan struct{}

	mu               sync.Mutex
	now, most, total int
}

var errHung = errors.New("the API server hung up")

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.now++
	h.total++
	h.most = max(h.most, h.now)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.now--
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-h.release:
		return nil, errHung
	}
}

// counts returns how many requests wait, and how many did at the same time and in total.
func (h *hanging) counts() (now, most, total int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.most, h.total
}

// newHanging returns a client of a hanging API server that knows the kind Widget.
func newHanging(t *testing.T) (*Client, *hanging) {
	t.Helper()
	h := &hanging{release: make(chan struct{})}
	c, err := New(&rest.Config{Host: "http://api", Transport: h}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.kinds.known = map[kindName]schema.GroupVersionResource{{"impulse.test/v1", "Widget"}: {Group: "impulse.test", Version: "v1", Resource: "widgets"}}
	return c, h
}

func widget(name string) Target {
	return Target{Namespace: "shop", APIVersion: "impulse.test/v1", Kind: "Widget", Name: name}
}

func testReadingsOfScalesThatWaitHaveNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, h := newHanging(t)
		const n = 200
		readers, ended := make([]*scaleReader, n), make(chan struct{}, n)
		for i := range readers {
			readers[i] = &scaleReader{client: c, target: widget(strconv.Itoa(i)), ended: func() { ended <- struct{}{} }}
			if _, known := readers[i].read(Scale{ResourceVersion: "1"}); known {
				t.Fatal("a Scale is known before it has been read")
			}
		}
		synctest.Wait()
		stacks := make([]byte, 4<<20)
		if waiting := strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "(*scaleReader).perform("); waiting != maxReads {
			t.Errorf("%d goroutines read, want %d", waiting, maxReads)
		}
		readers[0].stop()   // It is being read.
		readers[n-1].stop() // It waits.
		close(h.release)
		synctest.Wait()
		if now, most, total := h.counts(); now != 0 || most != maxReads || total != n-1 {
			t.Errorf("%d requests are left, of %d at the same time and %d in total; want 0, %d and %d", now, most, total, maxReads, n-1)
		}
		for _, r := range readers[1 : n-1] {
			if read, known := r.read(Scale{ResourceVersion: "1"}); !known || !errors.Is(read.err, errHung) || read.retry <= 0 {
				t.Fatalf("got %+v, %t, want the error and a retry", read, known)
			}
			r.stop()
		}
	})
}

func testStopWaitsForCallInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, h := newHanging(t)
		close(h.release)
		calls, release := 0, make(chan struct{})
		stop, err := c.Follow(widget("web"), WatchOptions{}, func(Observation) {
			calls++
			<-release
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // The error is being reported.
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("stop returned while a call was in progress")
		default:
		}
		close(release)
		<-stopped
		synctest.Wait()
		if calls != 1 {
			t.Errorf("got %d calls, want the one", calls)
		}
	})
}
