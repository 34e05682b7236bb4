package actuator

import (
	"context"
	"slices"
	"sync"
)

// follower keeps something current until ctx is done.
type follower interface{ follow(ctx context.Context) }

// shelf lends followers by name. One runs from its first borrower until its last has left, who waits for its end.
type shelf[N comparable, F follower] struct {
	open func(N) F

	mu   sync.Mutex
	lent map[N]*loan[F]
}

type loan[F follower] struct {
	follower  F
	borrowers int
	cancel    context.CancelFunc
	done      chan struct{}
}

// borrow returns the follower of a name and how to give it back. It outlives ctx, whose values it sees.
func (s *shelf[N, F]) borrow(ctx context.Context, name N) (F, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lent[name]
	if !ok {
		if s.lent == nil {
			s.lent = make(map[N]*loan[F])
		}
		l = &loan[F]{follower: s.open(name), done: make(chan struct{})}
		ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.lent[name] = l
		go func() {
			defer close(l.done)
			l.follower.follow(ctx)
		}()
	}
	l.borrowers++
	return l.follower, func() { s.giveBack(name, l) }
}

// peek returns the follower of a name that is lent.
func (s *shelf[N, F]) peek(name N) (F, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lent[name]
	if !ok {
		var none F
		return none, false
	}
	return l.follower, true
}

func (s *shelf[N, F]) giveBack(name N, l *loan[F]) {
	s.mu.Lock()
	l.borrowers--
	last := l.borrowers == 0
	if last {
		delete(s.lent, name)
	}
	s.mu.Unlock()
	if last {
		l.cancel()
		<-l.done
	}
}

// bell tells its owner that something it looks at may have changed. It keeps one ring, so nobody waits to ring it.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// bells are filed under what their owners look at.
type bells[K comparable] map[K][]bell

func (b bells[K]) add(k K, one bell) { b[k] = append(b[k], one) }

func (b bells[K]) remove(k K, one bell) {
	b[k] = slices.DeleteFunc(b[k], func(other bell) bool { return other == one })
	if len(b[k]) == 0 {
		delete(b, k)
	}
}

func (b bells[K]) ring(k K) {
	for _, one := range b[k] {
		one.ring()
	}
}

func (b bells[K]) ringAll() {
	for k := range b {
		b.ring(k)
	}
}
