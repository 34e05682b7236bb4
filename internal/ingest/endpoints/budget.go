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
	// costPerSecond is what a namespace may have evaluated in a second, in CEL's units: some ten thousand messages to hooks as
	// they are, or less than a tenth of a second of one core in loops.
	costPerSecond = 500_000
	// costBurst is what it may save up, and costPerMessage what all triggers of a hook may cost together for one message.
	costBurst      = 2 * costPerSecond
	costPerMessage = costBurst
	// costOverhead is that of any evaluation, whatever it does, and costPerMicrosecond the least that one costs for each that it
	// takes: ordinary ones cost four times as much.
	costOverhead       = 10
	costPerMicrosecond = 2
)

// errTooCostly is why a message is refused for good.
var errTooCostly = fmt.Errorf("the expressions of all triggers of this hook cost more than %d for this message", costPerMessage)

// budget shares out the evaluation of expressions, which anybody may write who may write ScaledObjects. Each namespace has
// so much of it in a second, across all its hooks and senders, and has one message evaluated at a time. Few evaluations run
// at once, so that deciding and leading never wait for them.
type budget struct {
	now func() time.Time
	// places are those for evaluations at a time. They are given away in the order in which they were asked for, and a
	// namespace asks for one at a time: between two of its evaluations each other namespace gets its turn.
	places chan struct{}

	mu       sync.Mutex
	accounts map[string]*account
}

// account is what one namespace may have evaluated.
type account struct {
	// turn is held by the message that is being evaluated.
	turn  chan struct{}
	limit *rate.Limiter
	// messages are those that are open; budget.mu guards it.
	messages int
}

// newBudget leaves half of the cores to others.
func newBudget(now func() time.Time) *budget {
	return &budget{now: now, places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), accounts: map[string]*account{}}
}

// bill is what the evaluation of one message costs. It is used by one goroutine.
type bill struct {
	*budget
	*account

	namespace string
	begun     bool
	cost      uint64
}

// open begins a bill, which has to be closed.
func (b *budget) open(namespace string) *bill {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[namespace]
	if a == nil {
		b.sweep()
		a = &account{turn: make(chan struct{}, 1), limit: rate.NewLimiter(costPerSecond, costBurst)}
		b.accounts[namespace] = a
	}
	a.messages++
	return &bill{budget: b, account: a, namespace: namespace}
}

// sweep forgets the namespaces that have nothing open and owe nothing; b.mu is held.
func (b *budget) sweep() {
	for namespace, a := range b.accounts {
		if a.messages == 0 && a.limit.TokensAt(b.now()) >= costBurst {
			delete(b.accounts, namespace)
		}
	}
}

func (b *bill) close() {
	if b.begun {
		<-b.turn
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages--
}

// evaluate is triggers.Message's. A message that has begun goes on beyond the budget, which it then owes: what one trigger
// alone has understood is of no use.
func (b *bill) evaluate(ctx context.Context, run func() (cost uint64)) error {
	if !b.begun {
		if err := b.begin(ctx); err != nil {
			return err
		}
	}
	if b.cost > costPerMessage {
		return errTooCostly
	}
	select {
	case b.places <- struct{}{}:
		defer func() { <-b.places }()
	case <-ctx.Done():
		return fmt.Errorf("%w: other namespaces have messages evaluated", triggers.ErrUnavailable)
	}
	began := b.now()
	cost := run() + costOverhead
	cost = max(cost, uint64(max(b.now().Sub(began), 0).Microseconds())*costPerMicrosecond)
	b.cost += cost
	b.limit.ReserveN(b.now(), int(min(cost, costBurst)))
	return nil
}

// begin waits until no other message of the namespace is being evaluated.
func (b *bill) begin(ctx context.Context) error {
	if err := b.owed(); err != nil {
		return err
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: other messages to namespace %s are still being evaluated", triggers.ErrOverBudget, b.namespace)
	}
	if err := b.owed(); err != nil {
		<-b.turn
		return err
	}
	b.begun = true
	return nil
}

// owed says why nothing may begin, if the namespace has spent its budget.
func (b *bill) owed() error {
	left := b.limit.TokensAt(b.now())
	if left > 0 {
		return nil
	}
	wait := time.Duration((1 - left) / costPerSecond * float64(time.Second)).Round(time.Millisecond)
	return fmt.Errorf("%w: the expressions of namespace %s may cost %d in a second: try again in %s",
		triggers.ErrOverBudget, b.namespace, costPerSecond, wait)
}
