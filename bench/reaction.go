package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// changeTimeout is the time after which a change that was not observed fails the run.
const changeTimeout = 15 * time.Second

// repeatAfter is the delay after a 503 before the same body is sent again.
const repeatAfter = 100 * time.Millisecond

// series are the durations of one run at one rate.
type series struct {
	mu sync.Mutex
	// reaction is the time from the POST to the observed count, accept the time from the POST to the 2xx. patch and status are the
	// references that they are compared with: bare writes in the same run.
	reaction, accept, patch, status []time.Duration
	err                             error
	// countLate means that a change that was not observed in time is counted in late, and is no error.
	countLate bool
	late      int
}

func (s *series) add(to *[]time.Duration, d time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.countLate && errors.Is(err, errLate) {
		s.late++
		return
	}
	if err != nil && s.err == nil {
		s.err = err
	}
	if err == nil {
		*to = append(*to, d)
	}
}

// alert is the state of one object's alert.
type alert struct {
	object int
	firing bool
	began  time.Time
}

// load is an open loop of webhooks and of bare writes, interleaved.
type load struct {
	env     *env
	watcher *watcher
	alerts  []alert
	rand    *rand.Rand
	turn    int
	// repeats means that a body is sent again after a 503, as Alertmanager does; the last response counts.
	repeats bool
	// refused is the number of responses other than 2xx.
	refused atomic.Int64
}

// run sends n webhooks at a rate per second, without waiting for responses, and calls bare after each of them. Both add to s.
func (l *load) run(ctx context.Context, s *series, n, rate int, bare func(ctx context.Context, s *series, turn int)) error {
	var wg sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(2*rate))
	defer tick.Stop()
	for i := range 2 * n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if i%2 == 0 {
			a := l.pick()
			l.watcher.claim(scaledNamespace + "/" + app(a.object))
			wg.Go(func() { l.webhook(ctx, s, a) })
		} else {
			turn := l.turn
			l.turn++
			wg.Go(func() { bare(ctx, s, turn) })
		}
	}
	wg.Wait()
	return s.err
}

// pick chooses a random object without a pending change, and toggles its alert.
func (l *load) pick() alert {
	for {
		i := l.rand.IntN(len(l.alerts))
		if l.watcher.busy(scaledNamespace + "/" + app(i)) {
			continue
		}
		a := &l.alerts[i]
		a.object, a.firing = i, !a.firing
		if a.firing {
			a.began = time.Now().UTC()
		}
		return *a
	}
}

// webhook posts one alert and waits for the response and for the count.
func (l *load) webhook(ctx context.Context, s *series, a alert) {
	status, replicas := "resolved", int32(low)
	if a.firing {
		status, replicas = "firing", high
	}
	body := envelope(app(a.object), status, a.json())
	seen := l.watcher.expect(scaledNamespace+"/"+app(a.object), replicas)
	began := time.Now()
	err := l.post(ctx, body)
	s.add(&s.accept, time.Since(began), err)
	s.awaitCount(ctx, &s.reaction, began, seen, app(a.object))
}

// json returns the alert as Alertmanager posts it.
func (a *alert) json() []byte {
	status, ends := "resolved", time.Now().UTC().Format(time.RFC3339Nano)
	if a.firing {
		status, ends = "firing", "0001-01-01T00:00:00Z"
	}
	return fmt.Appendf(nil, `{"status":%[2]q,"labels":{"alertname":"Bench","app":%[1]q},"annotations":{},"startsAt":%[3]q,"endsAt":%[4]q,
		"generatorURL":"","fingerprint":"%016[5]x"}`, app(a.object), status, a.began.Format(time.RFC3339Nano), ends, a.object+1)
}

// envelope returns the body of Alertmanager's webhook with the alerts of a group.
func envelope(group, status string, alerts []byte) []byte {
	return fmt.Appendf(nil, `{"version":"4","groupKey":%q,"status":%q,"receiver":"impulse","groupLabels":{},"commonLabels":{},
		"commonAnnotations":{},"externalURL":"http://alertmanager","alerts":[%s]}`, group, status, alerts)
}

func (l *load) post(ctx context.Context, body []byte) error {
	url := l.env.impulse + "/v1/alertmanager/" + scaledNamespace
	err := l.postTo(ctx, url, body)
	for l.repeats && errors.Is(err, errLater) {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(repeatAfter):
		}
		err = l.postTo(ctx, url, body)
	}
	return err
}

func (l *load) postTo(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("create a webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.env.http.Do(req)
	if err != nil {
		return fmt.Errorf("post a webhook: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	if err != nil {
		return fmt.Errorf("read the response to a webhook: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		l.refused.Add(1)
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s", errLater, answer)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post a webhook: %s: %s", resp.Status, answer)
	}
	return nil
}

// errLate is a change that was not observed in time.
var errLate = errors.New("did not change within")

// errLater is a response after which a sender retries.
var errLater = errors.New("post a webhook: 503")

// bareWrites sends the bare PATCH of bareScale, and then a bare PATCH of a custom resource's status.
func (l *load) bareWrites(ctx context.Context, s *series, turn int) {
	if !l.bareScale(ctx, s, turn) {
		return
	}
	name := app(turn % bareTargets)
	began := time.Now()
	status := fmt.Appendf(nil, `{"status":{"desiredReplicas":%d}}`, turn)
	_, err := l.env.dynamic.Resource(scaledObjects).Namespace(bareNamespace).Patch(ctx, name, types.MergePatchType, status, metav1.PatchOptions{}, "status")
	s.add(&s.status, time.Since(began), err)
}

// bareScale sends a bare PATCH of /scale, which the same watch observes. It returns false if the API server refused it.
func (l *load) bareScale(ctx context.Context, s *series, turn int) bool {
	name := app(turn % bareTargets)
	from, to := int32(low), int32(high)
	if turn/bareTargets%2 == 1 {
		from, to = to, from
	}
	patch := fmt.Appendf(nil, `[{"op":"test","path":"/spec/replicas","value":%d},{"op":"replace","path":"/spec/replicas","value":%d}]`, from, to)
	seen := l.watcher.expect(bareNamespace+"/"+name, to)
	began := time.Now()
	_, err := l.env.kube.AppsV1().Deployments(bareNamespace).Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{}, "scale")
	if err != nil {
		s.add(&s.patch, 0, fmt.Errorf("patch the scale of %s: %w", name, err))
		return false
	}
	s.awaitCount(ctx, &s.patch, began, seen, name)
	return true
}

// awaitCount waits until the count was observed.
func (s *series) awaitCount(ctx context.Context, to *[]time.Duration, began time.Time, seen <-chan time.Time, name string) {
	limit := time.NewTimer(changeTimeout)
	defer limit.Stop()
	select {
	case at := <-seen:
		s.add(to, at.Sub(began), nil)
	case <-limit.C:
		s.add(to, 0, fmt.Errorf("%s: %w %s", name, errLate, changeTimeout))
	case <-ctx.Done():
		s.add(to, 0, ctx.Err())
	}
}
