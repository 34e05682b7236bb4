package redis

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const (
	// maxAnswerBytes is the maximum size of the answers to one request.
	maxAnswerBytes = 1 << 20
	// maxAnswerValues is the maximum number of values in them.
	maxAnswerValues = 1 << 17
	// maxLineBytes is the maximum length of a line, such as a status or an error.
	maxLineBytes = 1 << 14
)

// guard is a connection to a server that need not be a Redis. The client library allocates as many values and bytes as an answer
// announces, so guard checks the announcements before the client reads them: an answer of a few bytes could otherwise use up the memory.
type guard struct {
	net.Conn
	answer scanner
	failed error
}

// Write sends a request, or a part of it. A new request may have an answer of full size.
func (g *guard) Write(b []byte) (int, error) {
	g.answer.restart()
	return g.Conn.Write(b)
}

// Read returns checked bytes only.
func (g *guard) Read(b []byte) (int, error) {
	if g.failed != nil {
		return 0, g.failed
	}
	n, err := g.Conn.Read(b)
	for _, c := range b[:n] {
		if g.failed = g.answer.next(c); g.failed != nil {
			return 0, g.failed
		}
	}
	return n, err
}

// pollableGuard is a guard with access to the socket, through which the client library checks whether the server has closed an idle
// connection. A TLS connection gives no such access.
type pollableGuard struct {
	*guard
	syscall.Conn
}

// newGuard returns a guard of conn.
func newGuard(conn net.Conn) net.Conn {
	g := &guard{Conn: conn}
	if socket, ok := conn.(syscall.Conn); ok {
		return pollableGuard{g, socket}
	}
	return g
}

// scanner checks the bytes of answers in RESP, the protocol of Redis.
type scanner struct {
	// line has the current line, at most up to maxLineBytes. skip is the number of bytes of the current string that follow.
	line []byte
	skip int
	// bytes and values are what the answers to the current request have or announce so far.
	bytes, values int
}

// restart begins to count the answers to another request.
func (s *scanner) restart() { s.bytes, s.values = 0, 0 }

// next checks one byte.
func (s *scanner) next(c byte) error {
	if s.bytes++; s.bytes > maxAnswerBytes {
		return fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)
	}
	if s.skip > 0 {
		s.skip--
		return nil
	}
	if s.line = append(s.line, c); len(s.line) > maxLineBytes {
		return fmt.Errorf("the answer has a line of more than %d bytes", maxLineBytes)
	}
	if c != '\n' {
		return nil
	}
	line := s.line
	s.line = s.line[:0]
	return s.header(line)
}

// header checks a complete line: the first byte is the type of a value, and the rest is the value or its size.
func (s *scanner) header(line []byte) error {
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return errNotRedis
	}
	kind, text := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return nil
	case '$', '=', '!', '*', '~', '>', '%', '|':
	default:
		return errNotRedis
	}
	if text == "-1" {
		return nil // It is null.
	}
	size, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errNotRedis
	}
	return s.announce(kind, int(size))
}

// announce checks the size of a string, or the number of values of a list or map.
func (s *scanner) announce(kind byte, size int) error {
	switch kind {
	case '$', '=', '!':
		if s.bytes+size > maxAnswerBytes {
			return fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)
		}
		s.skip = size + len("\r\n")
		return nil
	case '%', '|':
		size *= 2
	}
	if s.values += size; s.values > maxAnswerValues {
		return fmt.Errorf("the answer has more than %d values", maxAnswerValues)
	}
	return nil
}

var errNotRedis = errors.New("the answer is not one of a Redis server")
