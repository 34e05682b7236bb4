package triggers

import (
	"fmt"
	"io"
	"sync"
)

// Pool shares one value per key, such as a connection, among all triggers that acquire it, and closes it when the last of them releases
// it. The zero Pool is ready to use.
type Pool struct {
	mu         sync.Mutex
	references map[string]*reference
}

// reference counts the users of a value, which may still be opening.
type reference struct {
	opening sync.Mutex
	users   int // Guarded by Pool.mu.
	value   io.Closer
}

// NewPool returns an empty Pool.
func NewPool() *Pool { return &Pool{} }

// Acquire returns the value of key and a function that releases it, which may be called more than once. If no trigger has the value yet,
// open opens it; other callers for the same key wait for that. If open fails, Acquire returns its error, and the next caller tries again.
// Acquire also fails if the value of key has another type. All kinds share the keys: begin them with the name of the kind.
func Acquire[T io.Closer](p *Pool, key string, open func() (T, error)) (T, func(), error) {
	var none T
	r := p.add(key)
	acquired := false
	defer func() {
		if !acquired {
			p.release(key, r)
		}
	}()
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.value == nil {
		opened, err := open()
		if err != nil {
			return none, nil, err
		}
		r.value = opened
	}
	value, ok := r.value.(T)
	if !ok {
		return none, nil, fmt.Errorf("acquire %q: the value is a %T, not a %T", key, r.value, none)
	}
	acquired = true
	return value, sync.OnceFunc(func() { p.release(key, r) }), nil
}

// add adds a user of key.
func (p *Pool) add(key string) *reference {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.references == nil {
		p.references = map[string]*reference{}
	}
	r := p.references[key]
	if r == nil {
		r = &reference{}
		p.references[key] = r
	}
	r.users++
	return r
}

// release removes a user of key and closes the value after the last one.
func (p *Pool) release(key string, r *reference) {
	p.mu.Lock()
	r.users--
	last := r.users == 0
	if last {
		delete(p.references, key)
	}
	p.mu.Unlock()
	if last && r.value != nil {
		r.value.Close()
	}
}
