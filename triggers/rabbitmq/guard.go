package rabbitmq

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// A frame of AMQP is a header (type, channel and size of the payload), the payload, and an end. methodFrame and heartbeatFrame are types.
const (
	headerBytes    = 7
	endBytes       = 1
	methodFrame    = 1
	heartbeatFrame = 8
)

const (
	// maxFrameBytes is the maximum size of a frame's payload. RabbitMQ's default for a whole frame is the same number.
	maxFrameBytes = 128 << 10
	// heartbeat is the longest interval at which the server sends something, and silence is the time without any bytes after which the
	// connection fails.
	heartbeat = 10 * time.Second
	silence   = 3 * heartbeat
)

var (
	errNotAMQP  = errors.New("the answer is not AMQP: is this the port of a RabbitMQ, which is 5672, or 5671 with TLS?")
	errTooLarge = errors.New("the answer is larger than 128 KiB")
	errContent  = errors.New("the server sends messages, which were not requested")
)

// guard is a connection to a server that need not be a RabbitMQ. It passes on only method and heartbeat frames, and fails on
// any other: frames that carry messages could make the client library collect a message of any size. It fails, too, if the server sends
// nothing for a while, heartbeats included. It is read by one goroutine.
type guard struct {
	net.Conn

	header [headerBytes]byte
	// have is the number of bytes of the header that were read, and skip the number of bytes of the frame that follow it.
	have, skip int
	// answered is true after the first byte. It is set before failed.
	answered bool
	failed   atomic.Pointer[error]
}

// Read returns checked bytes only.
func (g *guard) Read(b []byte) (int, error) {
	if failed := g.failed.Load(); failed != nil {
		return 0, *failed
	}
	if err := g.Conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, g.fail(err)
	}
	n, err := g.Conn.Read(b)
	g.answered = g.answered || n > 0
	if err == nil {
		err = g.check(b[:n])
	}
	if err != nil {
		return 0, g.fail(err)
	}
	return n, nil
}

// SetDeadline does nothing: the library would remove the deadline of Read.
func (g *guard) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (g *guard) SetReadDeadline(time.Time) error { return nil }

// reason returns the error that ended the connection, or err if it has not ended.
func (g *guard) reason(err error) error {
	if failed := g.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

func (g *guard) fail(err error) error {
	g.failed.CompareAndSwap(nil, &err)
	return err
}

// check checks the next bytes of the stream of frames.
func (g *guard) check(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, len(b))
			g.skip -= n
			b = b[n:]
			continue
		}
		n := copy(g.header[g.have:], b)
		g.have += n
		b = b[n:]
		if g.have == headerBytes {
			if err := g.begin(); err != nil {
				return err
			}
		}
	}
	if g.have > 0 && g.header[0] != methodFrame && g.header[0] != heartbeatFrame {
		return g.begin() // A server of another protocol may send less than a header, and wait.
	}
	return nil
}

// begin checks the header of a frame, of which at least the type is known.
func (g *guard) begin() error {
	switch kind := g.header[0]; kind {
	case methodFrame, heartbeatFrame:
	case methodFrame + 1, methodFrame + 2:
		return errContent
	default:
		return errNotAMQP
	}
	size := binary.BigEndian.Uint32(g.header[headerBytes-4:])
	if size > maxFrameBytes {
		return errTooLarge
	}
	g.have, g.skip = 0, int(size)+endBytes
	return nil
}
