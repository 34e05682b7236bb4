package triggers

import (
	"fmt"
	"io"
	"sync"
)

// Pool lends one value, such as a connection, to all triggers that ask for the same key, and closes it when the last
// of them has given it back. The zero Shared is ready.
type Pool struct {
	mu         sync.Mutex
	references map[string]*reference
}

// reference is a value that is lent, or about to be.
type reference struct {
	opening sync.Mutex
	users   int // Guarded by Shared.mu.
	value   io.Closer
}

// NewPool returns a Shared that has lent nothing.
func NewPool() *Pool { return &Pool{} }

// Acquire returns the value of key, opened by open when nobody has it yet, and a function that gives it back: call it
// once done, later calls do nothing. Those who ask while it is being opened wait; when opening fails, each tries itself.
// Keys are shared by all kinds: begin them with the kind's name.
func Acquire[T io.Closer](s *Pool, key string, open func() (T, error)) (T, func(), error) {
	var none T
	l := s.add(key)
	kept := false
	defer func() {
		if !kept {
			s.release(key, l)
		}
	}()
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.value == nil {
		opened, err := open()
		if err != nil {
			return none, nil, err
		}
		l.value = opened
	}
	value, ok := l.value.(T)
	if !ok {
		return none, nil, fmt.Errorf("share %q: it is a %T, not a %T", key, l.value, none)
	}
	kept = true
	return value, sync.OnceFunc(func() { s.release(key, l) }), nil
}

// add counts one more user of key.
func (s *Pool) add(key string) *reference {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.references == nil {
		s.references = map[string]*reference{}
	}
	l := s.references[key]
	if l == nil {
		l = &reference{}
		s.references[key] = l
	}
	l.users++
	return l
}

// release counts one user less, and closes the value after the last.
func (s *Pool) release(key string, l *reference) {
	s.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		delete(s.references, key)
	}
	s.mu.Unlock()
	if last && l.value != nil {
		l.value.Close()
	}
}
