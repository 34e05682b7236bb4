package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestSource(t *testing.T) {
	t.Run("each distinct activation is a step", testEachDistinctActivationIsStep)
	t.Run("with an interval each step has its exact time", testWithIntervalEachStepHasItsExactTime)
	t.Run("a step is an increment of the core", testStepIsIncrementOfCore)
	t.Run("stale alerts count and are reported", testStaleAlertsCountAndAreReported)
	t.Run("known alerts beside lost ones give an AtLeast level", testKnownAlertsBesideLostOnesGiveAtLeastLevel)
	t.Run("mistakes in step, ttl and reconcile are reported", testMistakesInStepTTLAndReconcileAreReported)
}

// emitted are the events of a source, as short texts.
type emitted struct {
	mu   sync.Mutex
	all  []string
	last scalers.Event
}

// runSource runs a source with this metadata on the alerts b until the test ends.
func runSource(t *testing.T, b *fakeAlerts, metadata map[string]string) *emitted {
	t.Helper()
	metadata["matchers"] = `{alertname="Slow"}`
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Kind().Open(c, triggers.Env{Namespace: "shop", Trigger: "alerts", Alerts: b, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	h := &emitted{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx, h.emit); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return h
}

func (h *emitted) emit(e scalers.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := e.Value.String()
	switch {
	case e.AtLeast:
		text += " or more"
	case e.Err != nil:
		text = "unknown"
	}
	if e.Stale {
		text += " stale"
	}
	h.all, h.last = append(h.all, text), e
}

func (h *emitted) newest() scalers.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

func (h *emitted) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.all, want) {
		t.Errorf("the events are %v, want %v", h.all, want)
	}
}

// firingSince returns an alert that has been firing for some time.
func firingSince(ago time.Duration) triggers.Alert {
	a := alert("Slow", "", "")
	a.StartsAt = time.Now().Add(-ago)
	return a
}

func testEachDistinctActivationIsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"step": "+2"})
		one, two := firingSince(time.Minute), firingSince(time.Minute)
		two.Labels["pod"] = "two"
		b.set(nil, one)
		b.set(nil, one, one) // From two endpoints.
		b.set(nil, one, two)
		b.set(nil)
		h.expect(t, "0", "1", "2", "0")
	})
}

func testWithIntervalEachStepHasItsExactTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"step": "+10%", "stepInterval": "1m"})
		b.set(nil, firingSince(0), firingSince(30*time.Second))
		h.expect(t, "0", "1")
		<-time.After(30*time.Second - 1)
		h.expect(t, "0", "1")
		<-time.After(1)
		h.expect(t, "0", "1", "2")
		if at := h.newest().At.Time(); !at.Equal(time.Now()) {
			t.Errorf("the event of the step has the time %s, want %s", at, time.Now())
		}
		<-time.After(2 * time.Minute)
		h.expect(t, "0", "1", "2", "3", "4")
		b.set(nil)
		<-time.After(time.Hour)
		h.expect(t, "0", "1", "2", "3", "4", "0")
		ahead := firingSince(-time.Minute)
		b.set(nil, ahead)
		<-time.After(2*time.Minute - 1)
		h.expect(t, "0", "1", "2", "3", "4", "0", "1")
		<-time.After(1)
		h.expect(t, "0", "1", "2", "3", "4", "0", "1", "2")
	})
}

func testStepIsIncrementOfCore(t *testing.T) {
	for text, want := range map[string]scalers.Increment{
		"+2": {Amount: 2}, "2": {Amount: 2}, "+50%": {Amount: 50, Percent: true}, " +1 ": {Amount: 1},
	} {
		c, err := Kind().Decode(map[string]string{"matchers": `{a="b"}`, "step": text})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := c.Trigger(); got.Increment != want || !got.Exact || !got.Continuous || got.Target != 1000 {
			t.Errorf("step %q is %+v, want %+v", text, got, want)
		}
	}
}

func testStaleAlertsCountAndAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"replicas": "5"})
		a := firingSince(time.Hour)
		a.Stale, a.LastSeen = true, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		a.ExpiresAt = a.LastSeen.Add(24 * time.Hour)
		b.set(nil, a, firingSince(0))
		h.expect(t, "0", "5 stale")
		if got, want := h.newest().Unconfirmed, "alert Slow has not been repeated since 2026-01-02T03:04:05Z (ttl 12h); it stops counting at 2026-01-03T03:04:05Z unless it is repeated"; got != want {
			t.Errorf("Unconfirmed is %q, want %q", got, want)
		}
		b.set(nil, firingSince(0))
		h.expect(t, "0", "5 stale", "5")
	})
}

func testKnownAlertsBesideLostOnesGiveAtLeastLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h, mean := runSource(t, b, map[string]string{"replicas": "5"}), runSource(t, b, map[string]string{"threshold": "1", "aggregation": "avg"})
		b.set(errors.New("lost"), firingSince(0))
		h.expect(t, "0", "5 or more")
		mean.expect(t, "0", "unknown")
		b.set(errors.New("not loaded"))
		h.expect(t, "0", "5 or more", "unknown")
	})
}

func testMistakesInStepTTLAndReconcileAreReported(t *testing.T) {
	cases := []struct {
		metadata map[string]string
		want     string
	}{
		{map[string]string{"step": "+2", "replicas": "3"}, "step: has no effect with replicas or threshold"},
		{map[string]string{"step": "-2"}, `step: "-2" adds nothing: a step raises (write +2 or +50%)`},
		{map[string]string{"step": "+0%"}, `step: "+0%" adds nothing`},
		{map[string]string{"step": "two"}, `step: "two" is not a step`},
		{map[string]string{"step": "+99999999999"}, `step: "+99999999999" is above 2147483647, the largest number that is possible`},
		{map[string]string{"step": "+2", "value": "label:x"}, "step: does not depend on the value of an alert"},
		{map[string]string{"replicas": "2", "stepInterval": "1m"}, "stepInterval: is of no use without step"},
		{map[string]string{"step": "+2", "stepInterval": "5"}, "stepInterval: 5ms is below 1s"},
		{map[string]string{"replicas": "2", "ttl": "180"}, "ttl: 180ms is not between 1s and 168h0m0s"},
		{map[string]string{"replicas": "2", "ttl": "1000h"}, "ttl: 1000h0m0s is not between"},
		{map[string]string{"replicas": "2", "lateWindow": "0s"}, "lateWindow: 0s is not above 0"},
		{map[string]string{"replicas": "2", "reconcile": "alertmanager:9093"}, `reconcile: "alertmanager:9093" is not the base URL`},
		{map[string]string{"replicas": "2", "reconcile": "http://me:secret@host"}, "reconcile: contains credentials (put them in a Secret"},
		{map[string]string{"replicas": "2", "reconcile": "http://me:sec%ret@host"}, "reconcile: contains a text that is not a URL"},
		{map[string]string{"replicas": "2", "reconcile": strings.Repeat("http://a,", 16) + "http://a"}, "names 17 servers, more than 16"},
		{map[string]string{"replicas": "2", "authModes": "bearer"}, "authModes: is of no use without reconcile"},
		{map[string]string{"replicas": "2", "reconcile": "http://a", "authModes": "digest"}, `authModes: "digest" is not supported`},
	}
	for _, c := range cases {
		c.metadata["matchers"] = `{a="b"}`
		_, err := Kind().Decode(c.metadata)
		if got := fmt.Sprint(err); !strings.Contains(got, c.want) || strings.Contains(got, "secret@") {
			t.Errorf("%v: got %s, want %q", c.metadata, got, c.want)
		}
	}
}
