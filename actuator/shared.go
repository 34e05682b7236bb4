package actuator

import (
	"context"
	"slices"
	"sync"
)

// follower keeps something current until ctx is done.
type follower interface{ follow(ctx context.Context) }

// shared has one follower for all users of a name. It runs from its first user until the last has released it, who waits for its end.
type shared[N comparable, F follower] struct {
	open func(N) F

	mu  sync.Mutex
	all map[N]*running[F]
}

type running[F follower] struct {
	follower F
	users    int
	cancel   context.CancelFunc
	done     chan struct{}
}

// acquire returns the follower of a name and how to release it. It outlives ctx, whose values it sees.
func (s *shared[N, F]) acquire(ctx context.Context, name N) (F, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.all[name]
	if !ok {
		if s.all == nil {
			s.all = make(map[N]*running[F])
		}
		r = &running[F]{follower: s.open(name), done: make(chan struct{})}
		ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.all[name] = r
		go func() {
			defer close(r.done)
			r.follower.follow(ctx)
		}()
	}
	r.users++
	return r.follower, func() { s.release(name, r) }
}

// get returns the follower of a name that runs.
func (s *shared[N, F]) get(name N) (F, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.all[name]
	if !ok {
		var none F
		return none, false
	}
	return r.follower, true
}

func (s *shared[N, F]) release(name N, r *running[F]) {
	s.mu.Lock()
	r.users--
	last := r.users == 0
	if last {
		delete(s.all, name)
	}
	s.mu.Unlock()
	if last {
		r.cancel()
		<-r.done
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
