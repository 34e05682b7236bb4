package metricsapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxPods is the maximum number of pods of one Service.
	maxPods = 1000
	// podsAtOnce is how many of them are asked at the same time.
	podsAtOnce = 8
)

// pods are the ready endpoints of a Service, in their current state.
type pods struct {
	service triggers.Service

	mu        sync.Mutex
	endpoints []triggers.ServiceEndpoint
	err       error
	// known is closed once the endpoints are known, or the reason why they are not.
	known     chan struct{}
	knownOnce sync.Once
}

func newPods(service triggers.Service) *pods {
	return &pods{service: service, known: make(chan struct{})}
}

// set stores the endpoints, or the reason why they are unknown.
func (p *pods) set(endpoints []triggers.ServiceEndpoint, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endpoints, p.err = endpoints, err
	p.knownOnce.Do(func() { close(p.known) })
}

// current returns the endpoints. It waits until they are known.
func (p *pods) current(ctx context.Context) ([]triggers.ServiceEndpoint, error) {
	select {
	case <-p.known:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, fmt.Errorf("follow Service %s in namespace %s: %w", p.service.Name, p.service.Namespace, p.err)
	}
	switch n := len(p.endpoints); {
	case n == 0:
		return nil, fmt.Errorf("service %s in namespace %s has no ready pods", p.service.Name, p.service.Namespace)
	case n > maxPods:
		return nil, fmt.Errorf("service %s in namespace %s has more than %d ready pods", p.service.Name, p.service.Namespace, maxPods)
	}
	return p.endpoints, nil
}

// podsReader reads the number from each ready pod of a Service.
type podsReader struct {
	*reader

	pods        *pods
	aggregation string
}

// Read returns the aggregated level. It is unknown if one of the pods does not answer, unless that is not ready any more.
func (r *podsReader) Read(ctx context.Context) (scalers.Milli, error) {
	level, err := r.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("request the pods of %s: %w", display(r.url), err)
	}
	return level, nil
}

func (r *podsReader) read(ctx context.Context) (scalers.Milli, error) {
	endpoints, err := r.pods.current(ctx)
	if err != nil {
		return 0, err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return 0, err
	}
	var levels []scalers.Milli
	for i, a := range r.readAll(ctx, c, endpoints) {
		if a.err == nil {
			levels = append(levels, a.level)
			continue
		}
		ready, err := r.pods.current(ctx)
		if err != nil {
			return 0, err
		}
		if at := endpoints[i].Address; slices.ContainsFunc(ready, func(e triggers.ServiceEndpoint) bool { return e.Address == at }) {
			return 0, triggers.VaryingErrorf("pod %s: %w", at, a.err)
		}
	}
	if len(levels) == 0 {
		return 0, errors.New("the pods became unready during the reading")
	}
	return aggregate(r.aggregation, levels), nil
}

// podAnswer is the number of one pod, or the reason why it is unknown.
type podAnswer struct {
	level scalers.Milli
	err   error
}

// readAll reads the numbers of all pods, several at a time.
func (r *podsReader) readAll(ctx context.Context, c *client, endpoints []triggers.ServiceEndpoint) []podAnswer {
	answers := make([]podAnswer, len(endpoints))
	next := make(chan int)
	var reads sync.WaitGroup
	for range min(podsAtOnce, len(endpoints)) {
		reads.Go(func() {
			for i := range next {
				answers[i].level, answers[i].err = c.read(ctx, podURL(r.url, endpoints[i]))
			}
		})
	}
	for i := range endpoints {
		next <- i
	}
	close(next)
	reads.Wait()
	return answers
}

// podURL returns the URL of the Service with the address of a pod. Its port is that of the URL if the pod has it, or else the only port of
// the pod, as if the URL had the port of the Service; or else it is the port of the scheme, as in KEDA.
func podURL(service *url.URL, e triggers.ServiceEndpoint) *url.URL {
	at := *service
	number := port(service)
	isPort := func(p int32) bool { return strconv.Itoa(int(p)) == number }
	if len(e.Ports) > 0 && !slices.ContainsFunc(e.Ports, isPort) {
		number = port(&url.URL{Scheme: service.Scheme})
		if len(e.Ports) == 1 {
			number = strconv.Itoa(int(e.Ports[0]))
		}
	}
	at.Host = net.JoinHostPort(e.Address, number)
	return &at
}

// aggregate returns the average, sum, maximum or minimum of levels that are not negative. The average is rounded up.
func aggregate(aggregation string, levels []scalers.Milli) scalers.Milli {
	switch aggregation {
	case highest:
		return slices.Max(levels)
	case lowest:
		return slices.Min(levels)
	}
	var high, low, carry uint64
	for _, l := range levels {
		low, carry = bits.Add64(low, uint64(l), 0)
		high += carry
	}
	if aggregation == average {
		n := uint64(len(levels))
		quotient, rest := bits.Div64(high, low, n)
		if rest > 0 {
			quotient++
		}
		return scalers.Milli(quotient)
	}
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return scalers.Milli(low)
}
