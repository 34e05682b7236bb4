package events

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestTurns(t *testing.T) {
	t.Run("the Events of another namespace are written within a second while those of two are not answered", testEventsOfAnotherNamespaceAreWritten)
}

// hangingWebhook is a server whose requests to the namespaces shop and bank are not answered.
type hangingWebhook struct {
	*eventServer
	silentServer

	mu       *sync.Mutex
	inFlight map[string]int
}

func (s hangingWebhook) Create(e *corev1.Event) (*corev1.Event, error) {
	if e.Namespace != "shop" && e.Namespace != "bank" {
		return s.eventServer.Create(e)
	}
	s.count(e.Namespace, 1)
	defer s.count(e.Namespace, -1)
	return s.silentServer.Create(e)
}

func (s hangingWebhook) Patch(e *corev1.Event, data []byte) (*corev1.Event, error) {
	return s.eventServer.Patch(e, data)
}

func (s hangingWebhook) count(namespace string, change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[namespace] += change
}

func testEventsOfAnotherNamespaceAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &eventServer{all: map[string]*corev1.Event{}}
		var mu sync.Mutex
		inFlight := map[string]int{}
		e := run(t, func(ctx context.Context) Sink { return hangingWebhook{s, silentServer{ctx}, &mu, inFlight} })
		defer e.Close()
		for n := range 100 {
			e.Event(scaledObjectIn("shop", fmt.Sprint("web-", n)), false, "Scaled", "from 1 to 2")
		}
		<-time.After(time.Second)
		for i := range 20 {
			if i == 2 { // One of them is known to be silent by then.
				e.Event(scaledObjectIn("bank", "web"), false, "Scaled", "from 1 to 2")
				<-time.After(2 * eventTimeout)
			}
			note := fmt.Sprintf("from %d to %d", i, i+1)
			e.Event(scaledObjectIn("mail", fmt.Sprint("web-", i)), false, "Scaled", note)
			<-time.After(time.Second)
			s.mu.Lock()
			if len(s.all) != i+1 {
				t.Errorf("%s is not written within a second", note)
			}
			s.mu.Unlock()
			mu.Lock()
			if inFlight["shop"]+inFlight["bank"] > 1 {
				t.Errorf("%v Events are in flight, want one", inFlight)
			}
			mu.Unlock()
			<-time.After(7 * time.Second)
		}
	})
}
