package endpoints

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/triggers"
)

const (
	// costPerSecond limits the evaluations of a namespace in a second, in CEL's units. About ten thousand typical
	// messages cost that much. Expressions with loops cost that much after less than 0.1 s of one core.
	costPerSecond = 500_000
	// costBurst is the burst of that rate, and costPerMessage the limit for one message to all triggers of a hook.
	costBurst      = 2 * costPerSecond
	costPerMessage = costBurst
	// costOverhead is added to each evaluation. costPerMicrosecond is the least cost of an evaluation for each microsecond of its
	// duration: typical expressions cost four times as much.
	costOverhead       = 10
	costPerMicrosecond = 2
)

// errTooCostly means that a message can never be evaluated within costPerMessage.
var errTooCostly = fmt.Errorf("the expressions of all triggers of this hook cost more than %d for this message", costPerMessage)

// budget limits the evaluation of the expressions in ScaledObjects. Each namespace has a rate of its own, for all its hooks and senders
// together, and one message is evaluated at a time. Only few evaluations run at the same time, so that decisions and leader election do not
// wait for them. It is safe for concurrent use.
type budget struct {
	now func() time.Time
	// slots limits the evaluations at the same time. They are granted in the order of requests, and a namespace requests one at a
	// time: between two of its evaluations each other namespace gets one.
	slots chan struct{}

	mu       sync.Mutex
	accounts map[string]*account
}

// account is the budget of one namespace.
type account struct {
	// turn is held while a message is being evaluated.
	turn  chan struct{}
	limit *rate.Limiter
	// messages is the number of open messages; budget.mu guards it.
	messages int
}

// newBudget returns a budget that uses half of the cores, but at least one.
func newBudget(now func() time.Time) *budget {
	return &budget{now: now, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), accounts: map[string]*account{}}
}

// charge is the cost of evaluating one message. One goroutine uses it.
type charge struct {
	*budget
	*account

	namespace string
	started   bool
	cost      uint64
}

// open returns the charge of a new message, which the caller must close.
func (b *budget) open(namespace string) *charge {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[namespace]
	if a == nil {
		b.sweep()
		a = &account{turn: make(chan struct{}, 1), limit: rate.NewLimiter(costPerSecond, costBurst)}
		b.accounts[namespace] = a
	}
	a.messages++
	return &charge{budget: b, account: a, namespace: namespace}
}

// sweep removes the accounts without open messages and with a full budget. The caller holds mu.
func (b *budget) sweep() {
	for namespace, a := range b.accounts {
		if a.messages == 0 && a.limit.TokensAt(b.now()) >= costBurst {
			delete(b.accounts, namespace)
		}
	}
}

func (c *charge) close() {
	if c.started {
		<-c.turn
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages--
}

// evaluate implements triggers.Message.Evaluate. The budget of the namespace does not stop a message that has started: what it
// costs beyond the budget delays the next one. costPerMessage stops it.
func (c *charge) evaluate(ctx context.Context, run func() (cost uint64)) error {
	if !c.started {
		if err := c.start(ctx); err != nil {
			return err
		}
	}
	if c.cost > costPerMessage {
		return errTooCostly
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("%w: messages to other namespaces are being evaluated", triggers.ErrUnavailable)
	}
	started := c.now()
	cost := run() + costOverhead
	cost = max(cost, uint64(max(c.now().Sub(started), 0).Microseconds())*costPerMicrosecond)
	c.cost += cost
	c.limit.ReserveN(c.now(), int(min(cost, costBurst)))
	return nil
}

// start waits until no other message to the namespace is being evaluated.
func (c *charge) start(ctx context.Context) error {
	if err := c.owed(); err != nil {
		return err
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: other messages to namespace %s are still being evaluated", triggers.ErrOverBudget, c.namespace)
	}
	if err := c.owed(); err != nil {
		<-c.turn
		return err
	}
	c.started = true
	return nil
}

// owed returns an error if the namespace has spent its budget.
func (c *charge) owed() error {
	left := c.limit.TokensAt(c.now())
	if left > 0 {
		return nil
	}
	wait := time.Duration((1 - left) / costPerSecond * float64(time.Second)).Round(time.Millisecond)
	return fmt.Errorf("%w: the expressions of namespace %s may cost %d in a second: try again in %s",
		triggers.ErrOverBudget, c.namespace, costPerSecond, wait)
}
