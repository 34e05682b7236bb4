package chaos

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestTenant(t *testing.T) {
	t.Parallel()
	t.Run("a hostile tenant does not exclude the others", testHostileTenantDoesNotExcludeOthers)
}

const (
	// ourToken opens the namespace of a seed's objects, theirToken that of the hostile tenant.
	ourToken, theirToken = "the-token-of-the-objects", "the-token-of-the-hostile-tenant"
	// hostile is the namespace of a tenant that no promise to the others may depend on.
	hostile = "hostile"
	// crowdSize is how much of each kind the tenant sends at once: more than one tenant has places for.
	crowdSize = 300
)

// credentials returns the credentials of two tenants, each with access to its namespace, and both to the metrics.
func credentials(ours string) string {
	return fmt.Sprintf("- {name: ours, namespaces: [%s], token: %s}\n- {name: theirs, namespaces: [%s], token: %s}\n", ours, ourToken, hostile, theirToken)
}

// attack starts an attack by the hostile tenant, and returns the function that ends it. The promises to others are checked against
// the clock during the attack.
func (e *env) attack(ctx context.Context, how string) func() {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	end := func() {
		cancel()
		all.Wait()
	}
	switch how {
	case "flood":
		for i := range crowdSize / 10 {
			all.Go(func() { e.sendRepeatedly(ctx, i) })
		}
	case "drip":
		for i := range crowdSize * len(e.urls) {
			all.Go(func() { e.drip(ctx, e.urls[i%len(e.urls)]) })
		}
	case "storm":
		all.Go(func() { e.storm(ctx) })
	case "sources":
		all.Go(func() { e.slowSources(ctx) })
	default:
		return nil
	}
	return end
}

// No part breaks, and the tenant does all at once.
func testHostileTenantDoesNotExcludeOthers(t *testing.T) {
	t.Parallel()
	sharedPlane.RLock()
	defer sharedPlane.RUnlock()
	p, err := newPlan(*first, false)
	if err != nil {
		t.Fatal(err)
	}
	p.faults = nil
	for _, how := range []string{"flood", "drip", "storm", "sources"} {
		p.faults = append(p.faults, fault{at: time.Second, length: span - 2*time.Second, kind: "tenant " + how})
	}
	runPlan(t, p)
}

// slowSecond is the longest time of refusals that is attributed to the machine: while it is busy with other things, a record may take
// longer than 0.9 s, and all deliveries that wait for it are answered with 503. A tenant that excludes others causes refusals for as long as
// its attack lasts.
const slowSecond = time.Second

// recordTime is how long a delivery waits for its record before it is refused.
const recordTime = 900 * time.Millisecond

// checkTenants fails when deliveries were refused for longer than slowSecond while another tenant was hostile and no part was
// broken. A refusal does not count while the machine is so slow that five bare writes take longer than recordTime.
func (v *timelineCheck) checkTenants() {
	within := func(t *activeFault, from, to time.Time) bool {
		return t.from.Before(to) && t.until.Add(aftermath).After(from)
	}
	var wrong []string
	var first, last time.Time
	for _, r := range v.refusals {
		if 5*v.slowestBareWrite(r.at.Add(-2*recordTime), r.at) > recordTime {
			continue
		}
		blamed := ""
		for _, t := range v.faults {
			if tenants := strings.HasPrefix(t.kind, "tenant "); tenants && within(t, r.at, r.at) {
				blamed = t.kind
			} else if !tenants && within(t, r.at.Add(-landing), r.at) {
				blamed = ""
				break
			}
		}
		if blamed != "" {
			if last = r.at; len(wrong) == 0 {
				first = r.at
			}
			wrong = append(wrong, fmt.Sprintf("%s %s: answered with %d during %q", stamp(r.at.Sub(v.began)), r.by, r.code, blamed))
		}
	}
	if last.Sub(first) > slowSecond {
		v.wrong = append(v.wrong, wrong...)
	}
}

// sendRepeatedly sends one alert again and again, as fast as it is answered.
func (e *env) sendRepeatedly(ctx context.Context, i int) {
	body := unselected(i, 1)
	for ctx.Err() == nil {
		e.push(ctx, i, body)
	}
}

// storm sends alerts that no object selects, each new, and resolves none.
func (e *env) storm(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		e.push(ctx, i, unselected(i, crowdSize))
	}
}

// push sends a body to one Impulse as the hostile tenant, and ignores the response.
func (e *env) push(ctx context.Context, i int, body string) {
	_, _ = testkit.Request(ctx, http.MethodPost, e.urls[i%len(e.urls)]+"/v1/alertmanager/"+hostile, theirToken, []byte(body))
}

// unselected returns a delivery of n firing alerts of one group.
func unselected(group, n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"status":"firing","labels":{"alertname":"storm","group":"%d","n":"%d"},"annotations":{},"startsAt":"2026-01-01T00:00:00Z"}`, group, i))
	}
	return fmt.Sprintf(`{"version":"4","groupKey":"%d","receiver":"storm","status":"firing","alerts":[%s]}`, group, strings.Join(all, ","))
}

// drip sends the header of a delivery, and then next to nothing.
func (e *env) drip(ctx context.Context, url string) {
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = fmt.Fprintf(conn, "POST /v1/alertmanager/%s HTTP/1.1\r\nHost: impulse\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n{", hostile, theirToken)
		_, _ = io.Copy(io.Discard, conn) // Until the server has had enough.
		stop()
		_ = conn.Close()
	}
}

// slowSources creates objects whose source answers shortly before the timeout. They have no target, and remain when the source is gone.
func (e *env) slowSources(ctx context.Context) {
	var requests atomic.Int64
	source := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case <-time.After(950 * time.Millisecond):
			_, _ = io.WriteString(answer, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}`)
		case <-r.Context().Done():
		}
	}))
	defer source.Close()
	defer source.CloseClientConnections()
	trigger := fmt.Sprintf("- {type: prometheus, name: tN, metadata: {serverAddress: '%s', query: qN, threshold: 1}}\n", source.URL)
	for i := range crowdSize / 30 {
		o := &object{name: fmt.Sprintf("slow-%d", i)}
		o.spec = "pollingInterval: 1\ntriggers:\n"
		for n := range 10 {
			o.spec += strings.ReplaceAll(trigger, "N", strconv.Itoa(n))
		}
		if err := e.plane.scaledObject(ctx, o); err != nil {
			e.ledger.log("%s is not made: %v", o.name, err)
		}
	}
	<-ctx.Done()
	e.ledger.log("the slow sources got %d requests", requests.Load())
}
