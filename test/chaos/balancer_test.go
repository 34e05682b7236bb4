package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// balancer stands between one Alertmanager and the Impulses, as a load balancer that retries: it tries one after the other until
// one accepts. It records the sent and the accepted messages.
type balancer struct {
	*httptest.Server
	*link

	name string
	path string
	// to are the addresses of the Impulses.
	to     []string
	ledger *ledger

	mine          sync.Mutex
	rand          *rand.Rand
	dropResponses bool
	// retrying are the objects of which the Alertmanager is still retrying a delivery.
	retrying map[string]bool
	// sent are the newest bodies of all balancers in which an alert fires.
	sent *copies
	// accepted is called after each acceptance.
	accepted func()
}

func newBalancer(t *testing.T, name, path string, seed uint64, to []string, sent *copies, l *ledger) *balancer {
	t.Helper()
	d := &balancer{
		link: newLink(), name: name, path: path, to: to, ledger: l, rand: rand.New(rand.NewPCG(seed, 5)), sent: sent, retrying: map[string]bool{},
		accepted: func() {},
	}
	d.Server = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(func() {
		d.set(cut, 0)
		d.CloseClientConnections()
		d.Close()
	})
	return d
}

// serve forwards one delivery.
func (d *balancer) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	d.setRetrying(body, true)
	if !d.pass(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	code := d.deliver(context.WithoutCancel(r.Context()), body)
	if d.dropsResponses() || !d.pass(r.Context()) {
		panic(http.ErrAbortHandler) // The answer is lost.
	}
	d.setRetrying(body, code != http.StatusOK)
	w.WriteHeader(code)
}

// deliver offers a delivery to one Impulse after the other until one answers with 2xx or 4xx, and returns that status code; 503 if none
// does.
func (d *balancer) deliver(ctx context.Context, body []byte) int {
	all, err := decode(body)
	if err != nil {
		d.ledger.fail("%s: %v", d.name, err)
		return http.StatusInternalServerError
	}
	d.sent.store(all, body)
	for _, i := range d.order() {
		name := fmt.Sprintf("%s → impulse-%d", d.name, i)
		sent := d.ledger.send(name, all)
		code := d.offer(ctx, d.to[i], body)
		switch code / 100 {
		case 2:
			d.ledger.accept(name, sent)
			d.accepted()
			return code
		case 4:
			d.ledger.fail("%s was refused for good, with %d", name, code)
			return code
		default:
			d.ledger.refuse(name, code)
		}
	}
	return http.StatusServiceUnavailable
}

// offer returns the status code of one Impulse; 0 without a response.
func (d *balancer) offer(ctx context.Context, to string, body []byte) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	code, _ := testkit.Request(ctx, http.MethodPost, to+d.path, ourToken, body)
	return code
}

// order returns the order in which the Impulses are tried.
func (d *balancer) order() []int {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.rand.Perm(len(d.to))
}

// setRetrying records whether the Alertmanager is still retrying a delivery.
func (d *balancer) setRetrying(body []byte, retrying bool) {
	all, err := decode(body)
	if err != nil {
		return // deliver reports the error.
	}
	d.mine.Lock()
	defer d.mine.Unlock()
	for _, m := range all {
		d.retrying[m.alert.object] = retrying
	}
}

func (d *balancer) isRetrying(object string) bool {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.retrying[object]
}

// setDropResponses sets whether responses are lost.
func (d *balancer) setDropResponses(dropResponses bool) {
	d.mine.Lock()
	defer d.mine.Unlock()
	d.dropResponses = dropResponses
}

func (d *balancer) dropsResponses() bool {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.dropResponses
}

// decode returns the messages of a delivery.
func decode(body []byte) ([]message, error) {
	var d struct {
		Alerts []struct {
			Status           string
			Labels           map[string]string
			StartsAt, EndsAt time.Time
		}
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("read what an Alertmanager sent: %w", err)
	}
	var all []message
	for _, a := range d.Alerts {
		id := alertID{a.Labels["alertname"], a.Labels["instance"]}
		all = append(all, message{id, a.Status == "firing", a.StartsAt, a.EndsAt})
	}
	return all, nil
}
