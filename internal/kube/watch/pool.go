package watch

import (
	"context"
	"math"
	"sync"
)

// Runner does its work until ctx is done.
type Runner interface{ Run(ctx context.Context) }

// Pool counts references to running values by their names. A value runs from its first reference until the last one is released. Its run may
// end later, because client-go pauses before it looks at the context: Wait waits for that.
type Pool[N comparable, R Runner] struct {
	open func(N) R
	// runs are the goroutines of the values.
	runs sync.WaitGroup

	mu      sync.Mutex
	running map[N]*reference[R]
	// ending is how many values without references have not ended yet.
	ending int
}

// reference is a value that runs, and the number of its users.
type reference[R Runner] struct {
	value  R
	users  int
	cancel context.CancelFunc
}

// NewPool returns a Pool that makes its values with the function open, which is called under the pool's lock.
func NewPool[N comparable, R Runner](open func(N) R) *Pool[N, R] {
	return &Pool[N, R]{open: open, running: map[N]*reference[R]{}}
}

// Acquire returns the value of a name and a function that releases it. After the last user it ends the value's run, and does not wait for that.
// The value runs with the context values of ctx, but is not canceled with it.
func (p *Pool[N, R]) Acquire(ctx context.Context, name N) (value R, release func()) {
	value, release, _ = p.AcquireWithin(ctx, name, math.MaxInt)
	return value, release
}

// AcquireWithin is Acquire, unless it would make more than limit values run, those that are ending included: then it returns false.
func (p *Pool[N, R]) AcquireWithin(ctx context.Context, name N, limit int) (value R, release func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.running[name]
	if r == nil {
		if len(p.running)+p.ending >= limit {
			return value, nil, false
		}
		r = &reference[R]{value: p.open(name)}
		ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		p.running[name] = r
		p.runs.Go(func() {
			r.value.Run(ctx)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ending--
		})
	}
	r.users++
	return r.value, sync.OnceFunc(func() { p.release(name, r) }), true
}

// Get returns the value of a name if it runs.
func (p *Pool[N, R]) Get(name N) (value R, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.running[name]
	if r == nil {
		return value, false
	}
	return r.value, true
}

// Wait waits until every value has ended. All must have been released, and none may be acquired any more.
func (p *Pool[N, R]) Wait() { p.runs.Wait() }

// Len returns the number of values with references.
func (p *Pool[N, R]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}

func (p *Pool[N, R]) release(name N, r *reference[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.users--; r.users == 0 {
		delete(p.running, name)
		p.ending++
		r.cancel()
	}
}
