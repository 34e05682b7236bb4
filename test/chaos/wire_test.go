package chaos

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// state is how a connection between two parts is.
type state int

const (
	// whole: bytes pass.
	whole state = iota
	// cut: connections are reset, and new ones as well.
	cut
	// stalled: connections stay, nothing passes, and everything arrives when it is over.
	stalled
)

// fate is the state of a wire or an endpoint, and its delay. A change closes the channel changed, which wakes the goroutines that wait.
type fate struct {
	mu      sync.Mutex
	state   state
	delay   time.Duration
	changed chan struct{}
}

func newFate() *fate { return &fate{changed: make(chan struct{})} }

// set changes the state and the delay.
func (f *fate) set(s state, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.delay = s, delay
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fate) get() (state, time.Duration, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.delay, f.changed
}

// pass returns true when something may pass now, as late as it should; false when it never will.
func (f *fate) pass(ctx context.Context) bool {
	for {
		s, delay, changed := f.get()
		switch s {
		case cut:
			return false
		case stalled:
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return false
			}
		case whole:
		}
		if delay == 0 {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(delay):
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// wire is a TCP proxy between two parts.
type wire struct {
	*fate

	listener net.Listener
	to       string
	ctx      context.Context //nolint:containedctx // It is the life of the wire.
	end      context.CancelFunc
	all      sync.WaitGroup
}

// newWire makes a wire to an address; it goes with the test.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{fate: newFate(), listener: l, to: to}
	w.ctx, w.end = context.WithCancel(context.WithoutCancel(t.Context()))
	w.all.Go(w.accept)
	t.Cleanup(func() {
		w.end()
		_ = l.Close()
		w.all.Wait()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		conn, err := w.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			w.all.Go(func() { w.link(conn) })
		}
	}
}

// link is one connection, from its beginning to its end.
func (w *wire) link(near net.Conn) {
	ctx, end := context.WithCancel(w.ctx)
	defer end()
	defer reset(near)
	if s, _, _ := w.get(); s == cut {
		return
	}
	far, err := new(net.Dialer).DialContext(ctx, "tcp", w.to)
	if err != nil {
		return
	}
	defer reset(far)
	var both sync.WaitGroup
	both.Go(func() { w.copy(ctx, far, near); end() })
	both.Go(func() { w.copy(ctx, near, far); end() })
	both.Go(func() { w.guard(ctx); end() })
	<-ctx.Done()
	reset(near)
	reset(far)
	both.Wait()
}

// reset closes a connection so that the other side notices at once.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// guard returns when the wire is cut.
func (w *wire) guard(ctx context.Context) {
	for {
		s, _, changed := w.get()
		if s == cut {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (w *wire) copy(ctx context.Context, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !w.pass(ctx) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
