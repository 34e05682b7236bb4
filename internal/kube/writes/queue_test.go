package writes

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueue(t *testing.T) {
	t.Run("a namespace that answers again has all its writers", testNamespaceThatAnswersAgainHasAllItsWriters)
	t.Run("namespaces that are not answered have half of the writers together, and others do not wait", testSilentNamespacesHaveHalfOfWriters)
	t.Run("namespaces without keys are forgotten, and those that were not answered later", testNamespacesWithoutKeysAreForgotten)
}

// slowServer answers a write after 10 ms, in the namespace long after a minute and, in those that are silent, not at all.
type slowServer struct {
	*Queue[string]

	mu       sync.Mutex
	silent   func(namespace string) bool
	retries  bool
	timeouts int
	inFlight map[string]int
	// written has the keys whose writes were answered, and newest when the newest of each namespace was.
	written map[string]bool
	newest  map[string]time.Time
}

// silence is how long a write takes that is not answered.
const silence = 2500 * time.Millisecond

func namespaceOf(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// withQueue runs a test with a queue of 8 writers, of which one namespace has up to 4.
func withQueue(t *testing.T, silent func(namespace string) bool, test func(s *slowServer)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		s := &slowServer{silent: silent, retries: true, inFlight: map[string]int{}, written: map[string]bool{}, newest: map[string]time.Time{}}
		s.Queue = NewQueue(QueueOptions[string]{Namespace: namespaceOf, Writers: 8, OfNamespace: 4, FirstRetry: time.Second, LongestRetry: time.Minute})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(s.write)
		}()
		test(s)
		s.ShutDown()
		<-ended
	})
}

func (s *slowServer) write(key string) error {
	namespace := namespaceOf(key)
	s.mu.Lock()
	s.inFlight[namespace]++
	silent := s.silent(namespace)
	s.mu.Unlock()
	took := 10 * time.Millisecond
	switch {
	case silent:
		took = silence
	case namespace == "long":
		took = time.Minute
	}
	<-time.After(took)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[namespace]--
	if silent {
		s.timeouts++
		if s.retries {
			s.AddRateLimited(key)
		}
		return context.DeadlineExceeded
	}
	if s.written[key] {
		return nil // It woke up a writer.
	}
	s.written[key] = true
	s.newest[namespace] = time.Now()
	return nil
}

// addAll adds n keys of a namespace.
func (s *slowServer) addAll(namespace string, n int) {
	for i := range n {
		s.Add(fmt.Sprint(namespace, "/", i))
	}
}

func testNamespaceThatAnswersAgainHasAllItsWriters(t *testing.T) {
	var recovers time.Time
	silent := func(namespace string) bool { return namespace == "shop" && time.Now().Before(recovers) }
	withQueue(t, silent, func(s *slowServer) {
		recovers, s.retries = time.Now().Add(20*time.Second), false // A retry would wake up a writer.
		s.addAll("long", 1)                                         // So would a moment in which nothing is being written.
		s.addAll("shop", 1000)
		<-time.After(time.Minute - time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		const atMost = silence + 3*time.Second // 4 writers need 2.5 s, after the last write that is not answered.
		if took := s.newest["shop"].Sub(recovers); len(s.written)+s.timeouts != 1000 || took > atMost {
			t.Errorf("%d keys were written %s after the namespace answers again, want %d within %s", len(s.written), took, 1000-s.timeouts, atMost)
		}
	})
}

func testSilentNamespacesHaveHalfOfWriters(t *testing.T) {
	withQueue(t, func(namespace string) bool { return namespace != "bank" }, func(s *slowServer) {
		for i := range 20 {
			s.addAll(fmt.Sprint("shop-", i), 10)
		}
		<-time.After(time.Minute) // By now, each of them is known.
		for i := range 20 {
			began := time.Now()
			s.Add(fmt.Sprint("bank/", i))
			<-time.After(time.Second)
			s.mu.Lock()
			n := 0
			for _, inNamespace := range s.inFlight {
				n += inNamespace
			}
			if n > 4 {
				t.Errorf("%d keys of silent namespaces are being written, want 4 at most", n)
			}
			if took := s.newest["bank"].Sub(began); took != 10*time.Millisecond {
				t.Errorf("a key of another namespace was written after %s, want 10ms", took)
			}
			s.mu.Unlock()
		}
	})
}

func testNamespacesWithoutKeysAreForgotten(t *testing.T) {
	silent := true
	withQueue(t, func(namespace string) bool { return silent && namespace == "shop" }, func(s *slowServer) {
		s.addAll("bank", 10)
		s.addAll("shop", 1)
		<-time.After(2 * silence)
		s.order.mu.Lock()
		if n := s.order.namespaces; n["bank"] != nil || n["shop"] == nil {
			t.Errorf("got the namespaces %v, want shop, and not bank", n)
		}
		s.order.mu.Unlock()
		s.mu.Lock()
		silent = false
		s.mu.Unlock()
		<-time.After(time.Minute)
		s.order.mu.Lock()
		defer s.order.mu.Unlock()
		if n := s.order.namespaces; len(n) > 0 {
			t.Errorf("got the namespaces %v, want none", n)
		}
	})
}
