package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/impulse-sh/impulse/bench/source"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// pushed is a trigger that learns of changes by itself.
type pushed struct {
	object

	// change changes the level to n. The source knows when it returns, or when it begins if the change is a message to Impulse.
	change  func(ctx context.Context, n int) error
	message bool
}

// pushes measures the time from a change to the observed count, for triggers that are not polled, compared with a bare write.
func (c *costs) pushes(ctx context.Context) ([]result, error) {
	var url string // It is known before the first change.
	all, err := c.pushedObjects(ctx, &url)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p pushed) bool { return !strings.HasPrefix(p.name, c.options.source) })
	if len(all) == 0 {
		return nil, nil
	}
	fmt.Printf("• %d changes of each trigger that is not polled\n", changes)
	objects := make([]object, len(all))
	for i, p := range all {
		objects[i] = p.object
		for _, name := range []string{p.name, "bare-" + p.name} {
			if err := c.createDeployment(ctx, costNamespace, name, name, low); err != nil {
				return nil, err
			}
		}
	}
	at, p, err := c.runObjects(ctx, "pushes", objects)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	url = at
	var results []result
	for _, each := range all {
		r, err := c.pushReactions(ctx, each, "bare-"+each.name, p)
		if err != nil {
			fmt.Printf("  NOT MEASURED: %s: %v\n", each.name, err)
			continue
		}
		results = append(results, r)
	}
	return results, nil
}

// pushReactions changes the level of one trigger again and again, and between its changes makes as many bare writes.
func (c *costs) pushReactions(ctx context.Context, each pushed, bareTarget string, p *process.Process) (result, error) {
	err := process.WaitFor(ctx, 30*time.Second, "the first level is accepted", func(ctx context.Context) (bool, error) {
		return each.change(ctx, low) == nil, p.Err() // Before the triggers are open it is refused.
	})
	if err != nil {
		return result{}, err
	}
	if err := wait(ctx, steadyTime); err != nil {
		return result{}, err
	}
	var ours, bare []time.Duration
	for k := range changes {
		from, to := int32(low), int32(changed)
		if k%2 == 1 {
			from, to = to, from
		}
		seen := c.watcher.expect(costNamespace+"/"+each.name, to)
		began := time.Now()
		if err := each.change(ctx, int(to)); err != nil {
			return result{}, err
		}
		if !each.message {
			began = time.Now()
		}
		at, err := awaitSeen(ctx, seen, each.name)
		if err != nil {
			return result{}, fmt.Errorf("%w; the end of the log:\n%s", err, p.LogTail(2<<10))
		}
		ours = append(ours, max(at.Sub(began), 0))
		seen = c.watcher.expect(costNamespace+"/"+bareTarget, to)
		began = time.Now()
		if err := c.scale(ctx, bareTarget, from, to); err != nil {
			return result{}, err
		}
		if at, err = awaitSeen(ctx, seen, bareTarget); err != nil {
			return result{}, err
		}
		bare = append(bare, at.Sub(began))
		if err := wait(ctx, pushPause); err != nil {
			return result{}, err
		}
	}
	return compare("cost/reaction/"+each.name+"/change-to-write", ours, bare), nil
}

// pushPause is the time between two changes. external-push reads at most every 100 ms.
const pushPause = 150 * time.Millisecond

// pushedObjects returns the triggers. url is Impulse's, which is known later.
func (c *costs) pushedObjects(ctx context.Context, url *string) ([]pushed, error) {
	external, err := source.StartExternalPush(ctx, c.host)
	if err != nil {
		return nil, err
	}
	workload, err := source.StartWorkload(ctx, c.host)
	if err != nil {
		return nil, err
	}
	conn, err := natsgo.Connect(c.at.NATS)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	c.stops = append(c.stops, conn.Close)
	polled := func(s source.Source) pushed {
		set := func(ctx context.Context, n int) error { return s.Set(ctx, 0, n) }
		return pushed{object: object{name: s.Name, kind: s.Type, metadata: s.Metadata(0)}, change: set}
	}
	message := func(name, kind string, metadata map[string]string, change func(ctx context.Context, n int) error) pushed {
		return pushed{object: object{name: name, kind: kind, metadata: metadata}, change: change, message: true}
	}
	all := []pushed{
		polled(external), polled(workload),
		message("prometheus-remote-write", "prometheus-remote-write", map[string]string{"selector": "pushed", "aggregation": "last", "threshold": "1"},
			func(ctx context.Context, n int) error {
				sample := source.Series{Labels: map[string]string{"__name__": "pushed"}, Value: float64(n)}
				return source.WriteSamples(ctx, *url+"/v1/prometheus/"+costNamespace+"/write", sample)
			}),
		message("push", "push", map[string]string{"threshold": "1"}, func(ctx context.Context, n int) error {
			return c.send(ctx, http.MethodPut, *url+"/v1/namespaces/"+costNamespace+"/scaledobjects/push/triggers/push", `{"value": %d}`, n)
		}),
		message("push-nats", "push", map[string]string{"threshold": "1", "natsURL": c.at.NATS, "subject": "levels"},
			func(_ context.Context, n int) error {
				if err := conn.Publish("levels", fmt.Appendf(nil, `{"value": %d}`, n)); err != nil {
					return err
				}
				return conn.Flush()
			}),
		message("webhook", "webhook", map[string]string{"hook": "jobs", "value": "body.jobs", "threshold": "1"},
			func(ctx context.Context, n int) error {
				return c.send(ctx, http.MethodPost, *url+"/v1/webhook/"+costNamespace+"/jobs", `{"jobs": %d}`, n)
			}),
	}
	for i := range all {
		all[i].interval = time.Minute
	}
	return all, nil
}

// send sends a level as JSON. format has one verb for it.
func (c *costs) send(ctx context.Context, method, url, format string, n int) error {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(fmt.Appendf(nil, format, n)))
	if err != nil {
		return fmt.Errorf("send a level: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("send a level: %w", err)
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(io.LimitReader(response.Body, 1024)); response.StatusCode/100 != 2 {
		return fmt.Errorf("send a level: %s: %s", response.Status, answer)
	}
	return nil
}
