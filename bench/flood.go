package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// floodStored is the number of stored alerts that no object selects, floodTenants the number of their namespaces.
	floodStored, floodTenants = 19_000, 4
	// floodRate is how many alerts of the first namespace change per second, in deliveries of floodGroup alerts.
	floodRate, floodGroup = 200, 20
	// floodFill is the number of alerts in a delivery while the store is filled.
	floodFill = 250
	// resolveBudget is the time within which all stored alerts should resolve.
	resolveBudget = time.Minute
	// floodPush is the number of alerts per second that another namespace delivers.
	floodPush = 20
)

// flood sends the alerts of other tenants, which no object selects.
type flood struct {
	load  *load
	rand  *rand.Rand
	began time.Time
	// accepted and refused count the deliveries of changes.
	accepted, refused atomic.Int64
}

// floods measures the latency of one namespace's deliveries during a storm of changes in another namespace, compared with
// the same deliveries without the storm, and how often the Lease is lost meanwhile.
func floods(ctx context.Context, l *load, o options) ([]result, error) {
	l.repeats = true
	defer func() { l.repeats = false }()
	idle, err := measure(ctx, l, int(min(o.flood, time.Minute).Seconds())*floodPush, floodPush)
	if err != nil {
		return nil, err
	}
	before, err := l.env.leasesLost()
	if err != nil {
		return nil, err
	}
	fmt.Printf("• storing %d alerts that no object selects\n", floodStored)
	f := &flood{load: l, rand: rand.New(rand.NewPCG(3, 4)), began: time.Now().UTC()}
	if err := f.send(ctx, "firing"); err != nil {
		return nil, fmt.Errorf("fill the store: %w", err)
	}
	fmt.Printf("  stored after %.1f s\n", time.Since(f.began).Seconds())
	fmt.Printf("• %d changes a second of one namespace for %s, of %d stored alerts\n", floodRate, o.flood, floodStored)
	changing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { f.change(changing) })
	flooded, err := measure(ctx, l, int(o.flood.Seconds())*floodPush, floodPush)
	stop()
	wg.Wait()
	if err != nil {
		return nil, fmt.Errorf("during a flood: %w", err)
	}
	after, err := l.env.leasesLost()
	if err != nil {
		return nil, err
	}
	kept, err := l.env.metric(ctx, `impulse_alerts\{state="firing"\}`)
	if err != nil {
		return nil, err
	}
	sent := f.accepted.Load() + f.refused.Load()
	fmt.Printf("  %d of %d deliveries of changes were accepted at once; %.0f alerts fire; the Lease was lost %d times\n",
		f.accepted.Load(), sent, kept, after-before)
	began := time.Now()
	if err := f.send(ctx, "resolved"); err != nil {
		return nil, fmt.Errorf("resolve what is stored: %w", err)
	}
	resolved := time.Since(began)
	fmt.Printf("  all resolved after %.1f s\n", resolved.Seconds())
	name := fmt.Sprintf("flood/%d-changes-per-second/", floodRate)
	return []result{
		compare(name+"accept-of-another-namespace", flooded.accept, idle.accept),
		compare(name+"reaction-of-another-namespace", flooded.reaction, idle.reaction),
		single(name+"accepted-at-once", "", int(sent), float64(f.accepted.Load())/float64(sent), 1),
		single(name+"resolve-all", "s", floodStored, resolved.Seconds(), resolveBudget.Seconds()),
		{Name: name + "leases-lost", N: int(o.flood.Seconds()), P50: float64(after - before), P99: float64(after - before)},
	}, nil
}

// send delivers the alerts of all tenants once.
func (f *flood) send(ctx context.Context, status string) error {
	for tenant := range floodTenants {
		for i := 0; i < floodStored/floodTenants; i += floodFill {
			body := f.body(status, tenant, i, floodFill, 0)
			for { // The store accepts only so much at a time, and a sender repeats a refused delivery.
				err := f.deliver(ctx, tenant, body)
				if err == nil {
					break
				}
				select {
				case <-ctx.Done():
					return fmt.Errorf("%w: %w", ctx.Err(), err)
				case <-time.After(repeatAfter):
				}
			}
		}
	}
	return nil
}

// change changes annotations of the first tenant's alerts, group by group, until ctx is done.
func (f *flood) change(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(time.Second * floodGroup / floodRate)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		body := f.body("firing", 0, f.rand.IntN(floodStored/floodTenants/floodGroup)*floodGroup, floodGroup, n)
		wg.Go(func() {
			if err := f.deliver(context.WithoutCancel(ctx), 0, body); err != nil {
				f.refused.Add(1)
			} else {
				f.accepted.Add(1)
			}
		})
	}
}

// body returns a delivery of n alerts of a tenant, from the first on, with a number in their annotations.
func (f *flood) body(status string, tenant, first, n, version int) []byte {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = time.Now().UTC().Format(time.RFC3339Nano)
	}
	var all bytes.Buffer
	for i := range n {
		if i > 0 {
			all.WriteByte(',')
		}
		fmt.Fprintf(&all, `{"status":%q,"labels":{"alertname":"Flood","tenant":"%d","instance":"10.0.0.1:%d","severity":"page","job":"node"},
			"annotations":{"summary":"The disk of instance %d is %d percent full","runbook_url":"https://runbooks.example.com/disk"},
			"startsAt":%q,"endsAt":%q}`, status, tenant, first+i, first+i, version, f.began.Format(time.RFC3339Nano), ends)
	}
	return envelope(fmt.Sprintf("flood:%d", first), status, all.Bytes())
}

func (f *flood) deliver(ctx context.Context, tenant int, body []byte) error {
	return f.load.postTo(ctx, fmt.Sprintf("%s/v1/alertmanager/tenant-%d", f.load.env.impulse, tenant), body)
}

// leasesLost counts how often Impulse has lost its Lease.
func (w *env) leasesLost() (int, error) {
	content, err := os.ReadFile(w.log)
	if err != nil {
		return 0, fmt.Errorf("read Impulse's log: %w", err)
	}
	return strings.Count(string(content), "lease is lost"), nil
}
