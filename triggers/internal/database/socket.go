package database

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
)

// MaxAnswerBytes is the maximum size of a server's answer to one request.
const MaxAnswerBytes = 1 << 20

// ErrTooLarge is the error of reading a larger answer.
var ErrTooLarge = fmt.Errorf("the answer is larger than %d MiB: select one number", MaxAnswerBytes>>20)

// Dial opens one connection; nil is DialContext of a net.Dialer.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Sockets opens the sockets of one session and closes them when the session ends, so that no goroutine of a driver waits for a server
// that does not answer.
type Sockets struct {
	// Dial opens a socket.
	Dial Dial
	// Close closes all sockets and prevents new ones. It may be called more than once.
	Close context.CancelFunc

	failed atomic.Pointer[error]
}

// NewSockets returns the sockets of a session. ctx may end earlier than the session.
func NewSockets(ctx context.Context, dial Dial) *Sockets {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Sockets{Close: cancel}
	s.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(life, stop)()
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		opened := &socket{Conn: conn, failed: &s.failed, stop: context.AfterFunc(life, func() { _ = conn.Close() })}
		opened.left.Store(MaxAnswerBytes)
		return opened, nil
	}
	return s
}

// Reason returns the first error of reading from a socket, or err if there is none. Some drivers report only that a connection is broken.
func (s *Sockets) Reason(err error) error {
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

// socket is a connection that reads at most MaxAnswerBytes after each write, that is in answer to one request.
type socket struct {
	net.Conn

	left   atomic.Int64
	failed *atomic.Pointer[error]
	stop   func() bool
}

// Read reads a part of an answer.
func (s *socket) Read(b []byte) (int, error) {
	left := s.left.Load()
	if left <= 0 {
		return 0, s.fail(ErrTooLarge)
	}
	n, err := s.Conn.Read(b[:min(int64(len(b)), left)])
	s.left.Add(-int64(n))
	if err != nil {
		err = s.fail(err)
	}
	return n, err
}

// fail stores the first error.
func (s *socket) fail(err error) error {
	s.failed.CompareAndSwap(nil, &err)
	return err
}

// Write writes a request.
func (s *socket) Write(b []byte) (int, error) {
	s.left.Store(MaxAnswerBytes)
	return s.Conn.Write(b)
}

// Close closes the socket.
func (s *socket) Close() error {
	s.stop()
	return s.Conn.Close()
}
