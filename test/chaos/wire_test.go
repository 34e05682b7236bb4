package chaos

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// linkState is the state of a connection between two parts.
type linkState int

const (
	// passing: bytes pass.
	passing linkState = iota
	// cut: connections are reset, and new ones as well.
	cut
	// stalled: connections stay, nothing passes, and everything arrives when it is over.
	stalled
)

// link is the state of a wire or an endpoint, and its delay. A change closes the channel changed, which wakes the goroutines that
// wait.
type link struct {
	mu      sync.Mutex
	state   linkState
	delay   time.Duration
	changed chan struct{}
}

func newLink() *link { return &link{changed: make(chan struct{})} }

// set changes the state and the delay.
func (f *link) set(s linkState, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.delay = s, delay
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *link) get() (linkState, time.Duration, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.delay, f.changed
}

// pass waits until something may pass, and for the delay; false if nothing may pass any more.
func (f *link) pass(ctx context.Context) bool {
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
		case passing:
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
	*link

	listener net.Listener
	to       string
	ctx      context.Context //nolint:containedctx // It ends when the wire is closed.
	end      context.CancelFunc
	all      sync.WaitGroup
}

// newWire starts a wire to an address; it ends with the test.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{link: newLink(), listener: l, to: to}
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
			w.all.Go(func() { w.serve(conn) })
		}
	}
}

// serve forwards one connection, from its beginning to its end.
func (w *wire) serve(near net.Conn) {
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
	both.Go(func() { w.awaitCut(ctx); end() })
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

// awaitCut returns when the wire is cut, or ctx is done.
func (w *wire) awaitCut(ctx context.Context) {
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
