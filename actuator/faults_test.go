package actuator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	t.Run("a 429 is returned at once and not retried", test429IsReturnedAtOnceAndNotRetried)
	t.Run("the last count stands while the API server is unavailable", testLastCountStandsWhileAPIServerIsUnavailable)
	t.Run("it waits for an API server that is unavailable at the start", testItWaitsForAPIServerThatIsUnavailableAtStart)
	t.Run("one watch serves all targets of a kind", testOneWatchServesAllTargetsOfKind)
}

func test429IsReturnedAtOnceAndNotRetried(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	config, conn := intercept(e.config)
	c := newClient(t, config, actuator.Options{})
	target := e.target(e.deployment("web", "1"))
	observed, err := c.Get(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for i, code := range []int{429, 500, 503, 504} {
		conn.fail(status(code))
		if _, err := c.Set(t.Context(), target, observed, 2); !errors.Is(err, actuator.ErrThrottled) {
			t.Errorf("on %d: %v, want ErrThrottled", code, err)
		}
		if sent, _ := conn.count(http.MethodPatch, "/scale"); sent != i+1 {
			t.Errorf("after %d answers %d requests were sent", i+1, sent)
		}
	}
	conn.fail(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Set(ctx, target, observed, 2); !errors.Is(err, actuator.ErrThrottled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("on a time-out: %v, want ErrThrottled and the context's reason", err)
	}
	conn.restore()
	set(t, c, target, observed, 2)
}

func testLastCountStandsWhileAPIServerIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fault{
		"down": down, "reset": reset, "broken": status(500), "overloaded": status(503), "throttled": status(429), "expired": status(410),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			config, conn := intercept(e.config)
			c := newClient(t, config, actuator.Options{})
			target := e.target(e.deployment("web", "1"))
			v := watch(t, c, target, actuator.WatchOptions{})
			observed := v.awaitCount(1)
			before, _ := conn.count(http.MethodGet, "/deployments")
			conn.fail(fault)
			testkit.Eventually(t, "the watch is tried again", func(context.Context) bool {
				sent, _ := conn.count(http.MethodGet, "/deployments")
				return sent >= before+3
			})
			set(t, e.client(actuator.Options{}), target, observed, 4)
			conn.restore()
			v.awaitCount(4)
			if all := v.all(); len(all) != 2 {
				t.Errorf("observed %+v, want the count before and the count after", all)
			}
		})
	}
}

func testItWaitsForAPIServerThatIsUnavailableAtStart(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	config, conn := intercept(e.config)
	conn.fail(down)
	c := newClient(t, config, actuator.Options{})
	v := watch(t, c, e.target(e.deployment("web", "1")), actuator.WatchOptions{Pods: true})
	v.until("its count is unknown", func(o actuator.Observation) bool { return o.Err != nil && !isMissing(o) && !hasNoScale(o) })
	conn.restore()
	v.until("its pods are ready", func(o actuator.Observation) bool { return o.Err == nil && o.Ready == 1 })
}

func testOneWatchServesAllTargetsOfKind(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	config, conn := intercept(e.config)
	c := newClient(t, config, actuator.Options{Namespace: e.namespace})
	for range 2 {
		t.Run("round", func(t *testing.T) {
			for i := range 20 {
				target := e.target(e.parse(workload("apps/v1", "Deployment", fmt.Sprintf("web-%d", i), "1")))
				watch(t, c, target, actuator.WatchOptions{}).until("it is missing", isMissing)
			}
			for _, resource := range []string{"/deployments", "/horizontalpodautoscalers"} {
				testkit.Eventually(t, "one watch of "+resource+" is open", func(context.Context) bool {
					_, open := conn.count(http.MethodGet, resource)
					return open == 1
				})
			}
		})
		for _, resource := range []string{"/deployments", "/horizontalpodautoscalers"} {
			testkit.Eventually(t, "no watch of "+resource+" is open after the last watcher", func(context.Context) bool {
				_, open := conn.count(http.MethodGet, resource)
				return open == 0
			})
		}
	}
	if sent, _ := conn.count(http.MethodGet, "/pods"); sent != 0 {
		t.Errorf("pods were requested %d times, want never: no watch needs them", sent)
	}
	if sent, _ := conn.count(http.MethodGet, "/deployments"); sent != 2 {
		t.Errorf("%d requests for Deployments, want one for each round", sent)
	}
}
