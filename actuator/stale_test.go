package actuator

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestStale(t *testing.T) {
	t.Run("pods that cannot be read for a minute are unknown", testPodsThatCannotBeReadForMinuteAreUnknown)
	t.Run("a count that cannot be read for a minute stands, with the reason", testCountThatCannotBeReadForMinuteStandsWithReason)
	t.Run("a count that only /scale shows is read on", testCountThatOnlyScaleShowsIsReadOn)
	t.Run("without a list of HPAs no count is known, and the reason is shown", testWithoutListOfHPAsNoCountIsKnown)
	t.Run("the last list of HPAs stands while they cannot be read", testLastListOfHPAsStands)
}

const (
	deploymentsPath = "/apis/apps/v1/deployments"
	podsPath        = "/api/v1/pods"
	hpasPath        = "/apis/autoscaling/v2/horizontalpodautoscalers"
)

// followed is a Deployment with 3 replicas and one ready pod, which is followed in virtual time.
type followed struct {
	*testing.T
	*testkit.WatchServer

	began time.Time
	log   *testkit.Log

	mu  sync.Mutex
	all []Observation
}

// follow calls play while the Deployment is followed.
func follow(t *testing.T, before func(*followed), play func(*followed)) {
	t.Helper()
	followTarget(t, Target{Namespace: "shop", Name: "web", APIVersion: "apps/v1", Kind: "Deployment"}, before, play)
}

func followTarget(t *testing.T, target Target, before func(*followed), play func(*followed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &followed{T: t, WatchServer: testkit.NewWatchServer(), began: time.Now(), log: testkit.NewLog(t)}
		f.Answer("/apis/apps/v1", `{"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": true}, {"name": "deployments/scale", "kind": "Scale", "namespaced": true}]}`)
		f.List(deploymentsPath, "apps/v1", "Deployment", `{"metadata":{"namespace":"shop","name":"web","uid":"1","resourceVersion":"1"},
			"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}}}}`)
		f.List(podsPath, "v1", "Pod", `{"metadata":{"namespace":"shop","name":"web-1","labels":{"app":"web"},"resourceVersion":"1"},
			"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`)
		f.List(hpasPath, "autoscaling/v2", "HorizontalPodAutoscaler")
		before(f)
		c, err := New(&rest.Config{Host: "http://api.test", Transport: f.WatchServer}, Options{Log: slog.New(slog.NewTextHandler(f.log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		stop, err := c.Follow(target, WatchOptions{Pods: true}, func(o Observation) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.all = append(f.all, o)
		})
		if err != nil {
			t.Fatal(err)
		}
		play(f)
		stop()
	})
}

// want checks the newest observation at a time since the beginning.
func (f *followed) want(at time.Duration, want string) {
	f.Helper()
	<-time.After(time.Until(f.began.Add(at)))
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := "nothing"
	if n := len(f.all); n > 0 {
		o := f.all[n-1]
		got = fmt.Sprintf("count %d of %q, ready %d, hpa %q", o.Scale.Replicas, o.Scale.UID, o.Ready, o.ForeignHPA)
		if o.Err != nil {
			got += ", error"
		}
		if o.ReadyErr != nil {
			got += ", pods unknown"
		}
	}
	if got != want {
		f.Errorf("after %s: %s, want %s", at, got, want)
	}
}

// observations returns how many there were, and which lines the log has with a text.
func (f *followed) observations(text string) (observed, logged int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all), strings.Count(f.log.String(), text)
}

const fine = `count 3 of "1", ready 1, hpa ""`

func testPodsThatCannotBeReadForMinuteAreUnknown(t *testing.T) {
	for _, fault := range []testkit.Fault{testkit.Status(http.StatusInternalServerError), testkit.Status(http.StatusTooManyRequests), testkit.Unanswered} {
		follow(t, func(*followed) {}, func(f *followed) {
			f.want(3*time.Minute, fine)
			f.Fail(podsPath, fault)
			f.want(3*time.Minute+50*time.Second, fine)
			f.want(5*time.Minute, `count 3 of "1", ready -1, hpa "", pods unknown`)
			f.want(time.Hour, `count 3 of "1", ready -1, hpa "", pods unknown`)
			f.Fail(podsPath, nil)
			f.want(time.Hour+2*time.Minute, fine)
			if observed, logged := f.observations("resource=pods"); observed > 4 || logged > 3 {
				t.Errorf("%d observations and %d lines in the log, want one for each reason and the end:\n%s", observed, logged, f.log)
			}
		})
	}
}

func testCountThatCannotBeReadForMinuteStandsWithReason(t *testing.T) {
	follow(t, func(*followed) {}, func(f *followed) {
		f.want(3*time.Minute, fine)
		f.Fail(deploymentsPath, testkit.Status(http.StatusInternalServerError))
		f.want(3*time.Minute+50*time.Second, fine)
		f.want(5*time.Minute, fine+", error")
		f.want(time.Hour, fine+", error")
		f.Fail(deploymentsPath, nil)
		f.want(time.Hour+10*time.Second, fine)
		if observed, logged := f.observations(`resource="Deployment of apps/v1"`); observed != 3 || logged != 2 {
			t.Errorf("%d observations and %d lines in the log, want 3 and 2:\n%s", observed, logged, f.log)
		}
	})
}

func testCountThatOnlyScaleShowsIsReadOn(t *testing.T) {
	const path = "/apis/example.com/v1/widgets"
	followTarget(t, Target{Namespace: "shop", Name: "web", APIVersion: "example.com/v1", Kind: "Widget"}, func(f *followed) {
		f.Answer("/apis/example.com/v1", `{"resources": [{"name": "widgets", "kind": "Widget", "namespaced": true}, {"name": "widgets/scale", "kind": "Scale", "namespaced": true}]}`)
		f.List(path, "meta.k8s.io/v1", "PartialObjectMetadata", `{"metadata":{"namespace":"shop","name":"web","uid":"1","resourceVersion":"1"}}`)
		f.Answer("/apis/example.com/v1/namespaces/shop/widgets/web/scale", `{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"namespace":"shop","name":"web","uid":"1","resourceVersion":"1"},
			"spec":{"replicas":3},"status":{"replicas":3,"selector":"app=web"}}`)
	}, func(f *followed) {
		f.want(3*time.Minute, fine)
		f.Fail(path, testkit.Status(http.StatusInternalServerError))
		f.want(time.Hour, fine+", error")
		f.Fail(path, nil)
		f.want(time.Hour+10*time.Second, fine)
	})
}

func testWithoutListOfHPAsNoCountIsKnown(t *testing.T) {
	follow(t, func(f *followed) {
		f.List(hpasPath, "autoscaling/v2", "HorizontalPodAutoscaler", `{"metadata":{"namespace":"shop","name":"other","resourceVersion":"1"},
			"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}}`)
		f.Fail(hpasPath, testkit.Status(http.StatusInternalServerError))
	}, func(f *followed) {
		f.want(10*time.Second, `count 0 of "", ready -1, hpa "", error`)
		f.Fail(hpasPath, nil)
		f.want(20*time.Second, `count 3 of "1", ready 1, hpa "other"`)
		for _, o := range f.all {
			if o.Scale.UID != "" && o.ForeignHPA == "" {
				t.Errorf("observed %+v: a count without the HorizontalPodAutoscaler", o)
			}
			if errors.Is(o.Err, ErrForbidden) || errors.Is(o.Err, ErrNotFound) {
				t.Errorf("observed %v, want an error that passes", o.Err)
			}
		}
	})
}

func testLastListOfHPAsStands(t *testing.T) {
	follow(t, func(*followed) {}, func(f *followed) {
		f.want(time.Minute, fine)
		f.Fail(hpasPath, testkit.Status(http.StatusInternalServerError))
		f.want(time.Hour, fine)
		if observed, logged := f.observations("resource=horizontalpodautoscalers"); observed != 1 || logged != 1 {
			t.Errorf("%d observations and %d lines in the log, want 1 and 1:\n%s", observed, logged, f.log)
		}
	})
}
