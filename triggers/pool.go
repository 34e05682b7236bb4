package triggers

import (
	"fmt"
	"io"
	"sync"
)

// Pool shares one value per key, such as a connection, among all triggers that acquire it, and closes it when the last of them releases
// it. The zero Pool is ready to use.
type Pool struct {
	mu     sync.Mutex
	values map[string]*sharedValue
}

// sharedValue is a value, which may still be opening, and the number of its users.
type sharedValue struct {
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
	s := p.add(key)
	acquired := false
	defer func() {
		if !acquired {
			p.release(key, s)
		}
	}()
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.value == nil {
		opened, err := open()
		if err != nil {
			return none, nil, err
		}
		s.value = opened
	}
	value, ok := s.value.(T)
	if !ok {
		return none, nil, fmt.Errorf("acquire %q: the value is a %T, not a %T", key, s.value, none)
	}
	acquired = true
	return value, sync.OnceFunc(func() { p.release(key, s) }), nil
}

// add adds a user of key.
func (p *Pool) add(key string) *sharedValue {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string]*sharedValue{}
	}
	s := p.values[key]
	if s == nil {
		s = &sharedValue{}
		p.values[key] = s
	}
	s.users++
	return s
}

// release removes a user of key and closes the value after the last one.
func (p *Pool) release(key string, s *sharedValue) {
	p.mu.Lock()
	s.users--
	last := s.users == 0
	if last {
		delete(p.values, key)
	}
	p.mu.Unlock()
	if last && s.value != nil {
		s.value.Close()
	}
}
