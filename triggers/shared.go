package triggers

import (
	"fmt"
	"io"
	"sync"
)

// Shared lends one value, such as a connection, to all triggers that ask for the same key, and closes it when the last
// of them has given it back. The zero Shared is ready.
type Shared struct {
	mu    sync.Mutex
	loans map[string]*loan
}

// loan is a value that is lent, or about to be.
type loan struct {
	opening sync.Mutex
	users   int // Guarded by Shared.mu.
	value   io.Closer
}

// NewShared returns a Shared that has lent nothing.
func NewShared() *Shared { return &Shared{} }

// Acquire returns the value of key, opened by open when nobody has it yet, and a function that gives it back: call it
// once done, later calls do nothing. Those who ask while it is being opened wait; when opening fails, each tries itself.
// Keys are shared by all kinds: begin them with the kind's name.
func Acquire[T io.Closer](s *Shared, key string, open func() (T, error)) (T, func(), error) {
	var none T
	l := s.enter(key)
	kept := false
	defer func() {
		if !kept {
			s.leave(key, l)
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
	return value, sync.OnceFunc(func() { s.leave(key, l) }), nil
}

// enter counts one more user of key.
func (s *Shared) enter(key string) *loan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loans == nil {
		s.loans = map[string]*loan{}
	}
	l := s.loans[key]
	if l == nil {
		l = &loan{}
		s.loans[key] = l
	}
	l.users++
	return l
}

// leave counts one user less, and closes the value after the last.
func (s *Shared) leave(key string, l *loan) {
	s.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		delete(s.loans, key)
	}
	s.mu.Unlock()
	if last && l.value != nil {
		l.value.Close()
	}
}
