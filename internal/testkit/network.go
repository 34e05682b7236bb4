package testkit

import (
	"context"
	"net"
	"sync"
)

// Network has connections in memory, which a test on fake time needs: a bubble of synctest waits for no real connection. It is the
// net.Listener of a server.
type Network struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewNetwork returns a Network without connections.
func NewNetwork() *Network {
	return &Network{dialed: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects a client, whatever the address.
func (n *Network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.dialed <- server:
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.dialed:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *Network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr implements net.Listener.
func (*Network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
