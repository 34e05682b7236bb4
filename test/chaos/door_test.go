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

// door stands between one Alertmanager and the Impulses, as a Service does: it tries one after the other until one
// accepts. It records what was sent and what was accepted.
type door struct {
	*httptest.Server
	*fate

	name string
	path string
	// to are the addresses of the Impulses.
	to     []string
	ledger *ledger

	mine sync.Mutex
	rand *rand.Rand
	deaf bool
	// late are the objects of which something has come and nothing was accepted since.
	late map[string]bool
	// sent are the newest bodies of all doors that said that an alert fires.
	sent *copies
	// accepted is called after each acceptance.
	accepted func()
}

func newDoor(t *testing.T, name, path string, seed uint64, to []string, sent *copies, l *ledger) *door {
	t.Helper()
	d := &door{
		fate: newFate(), name: name, path: path, to: to, ledger: l, rand: rand.New(rand.NewPCG(seed, 5)), sent: sent, late: map[string]bool{},
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

// serve passes one delivery on.
func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	d.tries(body, true)
	if !d.pass(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	code := d.deliver(context.WithoutCancel(r.Context()), body)
	if d.isDeaf() || !d.pass(r.Context()) {
		panic(http.ErrAbortHandler) // The answer is lost.
	}
	d.tries(body, code != http.StatusOK)
	w.WriteHeader(code)
}

// deliver offers a delivery to one Impulse after the other, and returns the last answer.
func (d *door) deliver(ctx context.Context, body []byte) int {
	all, err := decode(body)
	if err != nil {
		d.ledger.fail("%s: %v", d.name, err)
		return http.StatusInternalServerError
	}
	d.sent.keep(all, body)
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

// offer returns the answer of one Impulse; 0 when there is none.
func (d *door) offer(ctx context.Context, to string, body []byte) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	code, _ := testkit.Request(ctx, http.MethodPost, to+d.path, ourToken, body)
	return code
}

// order is who is asked first.
func (d *door) order() []int {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.rand.Perm(len(d.to))
}

// tries notes that the Alertmanager tries on with something, or not any longer.
func (d *door) tries(body []byte, late bool) {
	all, err := decode(body)
	if err != nil {
		return // It is said when it is delivered.
	}
	d.mine.Lock()
	defer d.mine.Unlock()
	for _, m := range all {
		d.late[m.alert.object] = late
	}
}

func (d *door) isLate(object string) bool {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.late[object]
}

// setDeaf makes answers arrive, or get lost.
func (d *door) setDeaf(deaf bool) {
	d.mine.Lock()
	defer d.mine.Unlock()
	d.deaf = deaf
}

func (d *door) isDeaf() bool {
	d.mine.Lock()
	defer d.mine.Unlock()
	return d.deaf
}

// decode reads what a delivery says.
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
