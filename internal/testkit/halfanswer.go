package testkit

import (
	"context"
	"io"
	"net"
	"sync/atomic"
)

// HalfAnswer opens connections that end after a number of bytes from the server, as they do when a server dies while it answers.
type HalfAnswer struct {
	// Bytes is how many bytes each connection delivers.
	Bytes int64

	delivered atomic.Int64
}

// Dial opens a connection.
func (h *HalfAnswer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &halfConn{Conn: conn, half: h, left: h.Bytes}, nil
}

// Delivered returns how many bytes all connections have delivered.
func (h *HalfAnswer) Delivered() int64 { return h.delivered.Load() }

// halfConn is one connection. Only one goroutine reads from it at a time, as with every connection.
type halfConn struct {
	net.Conn

	half *HalfAnswer
	left int64
}

// Read implements net.Conn.
func (c *halfConn) Read(into []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, io.EOF
	}
	n, err := c.Conn.Read(into[:min(int64(len(into)), c.left)])
	c.left -= int64(n)
	c.half.delivered.Add(int64(n))
	return n, err
}
