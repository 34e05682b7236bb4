package rabbitmq

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	t.Run("only frames of an answer without content pass", testOnlyFramesOfAnswerWithoutContentPass)
	t.Run("the first error is the reason", testFirstErrorIsReason)
}

// frame returns a frame with a payload of zeros.
func frame(kind byte, size int) []byte {
	f := []byte{kind, 0, 1, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	return append(append(f, make([]byte, size)...), 0xCE)
}

func testOnlyFramesOfAnswerWithoutContentPass(t *testing.T) {
	method, beat := frame(methodFrame, 300), frame(heartbeatFrame, 0)
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"methods and heartbeats": {slices.Concat(method, beat, beat, method), nil},
		"the largest frame":      {frame(methodFrame, maxFrameBytes), nil},
		"a frame that is larger": {frame(methodFrame, maxFrameBytes+1), errTooLarge},
		"an announcement":        {[]byte{methodFrame, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}, errTooLarge},
		"a header of content":    {slices.Concat(method, frame(2, 20)), errContent},
		"a body of content":      {slices.Concat(method, frame(3, 20)), errContent},
		"HTTP":                   {[]byte("HTTP/1.1 400 Bad Request\r\n"), errNotAMQP},
		"another version":        {[]byte("AMQP\x00\x01\x00\x00"), errNotAMQP},
		"less than a header":     {[]byte("SSH"), errNotAMQP},
		"half a frame":           {method[:20], nil},
		"half a header":          {method[:3], nil},
	} {
		for _, chunk := range []int{1, 5, 7, 8, len(c.bytes)} {
			if got := checkInChunks(c.bytes, chunk); !errors.Is(got, c.want) {
				t.Errorf("%s in chunks of %d: got %v, want %v", name, chunk, got, c.want)
			}
		}
	}
}

// checkInChunks checks bytes that arrive in parts of a size.
func checkInChunks(b []byte, size int) error {
	g := &guard{}
	for chunk := range slices.Chunk(b, max(size, 1)) {
		if err := g.check(chunk); err != nil {
			return err
		}
	}
	return nil
}

func testFirstErrorIsReason(t *testing.T) {
	client, server := net.Pipe()
	g := &guard{Conn: client}
	defer func() { _ = g.Close() }()
	go func() {
		_, _ = server.Write([]byte("HTTP/1.1"))
		_ = server.Close()
	}()
	_, first := g.Read(make([]byte, 100))
	_, second := g.Read(make([]byte, 100))
	if !errors.Is(first, errNotAMQP) || !errors.Is(second, errNotAMQP) || !errors.Is(g.reason(io.EOF), errNotAMQP) {
		t.Errorf("got %v, %v and %v, want %v each time", first, second, g.reason(io.EOF), errNotAMQP)
	}
	if err := errors.Join(g.SetDeadline(time.Time{}), g.SetReadDeadline(time.Time{})); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

// FuzzGuard: how the bytes are split does not matter.
func FuzzGuard(f *testing.F) {
	f.Add(slices.Concat(frame(methodFrame, 3), frame(heartbeatFrame, 0), frame(2, 1)), uint8(3))
	f.Add([]byte("HTTP/1.1 400"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		whole, split := checkInChunks(b, len(b)), checkInChunks(b, int(size))
		if !errors.Is(whole, split) {
			t.Errorf("got %v for the whole, and %v in chunks of %d", whole, split, size)
		}
	})
}
