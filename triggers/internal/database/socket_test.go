package database

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

func TestSockets(t *testing.T) {
	t.Run("an answer is limited, and each request begins a new one", testAnswerIsLimitedAndEachRequestBeginsNewOne)
	t.Run("closing them closes every socket and ends an attempt", testClosingThemClosesEverySocketAndEndsAttempt)
}

// dialPipe returns a Dial that connects to the returned end of a pipe.
func dialPipe() (Dial, net.Conn) {
	client, server := net.Pipe()
	return func(context.Context, string, string) (net.Conn, error) { return client, nil }, server
}

func testAnswerIsLimitedAndEachRequestBeginsNewOne(t *testing.T) {
	dial, server := dialPipe()
	s := NewSockets(t.Context(), dial)
	defer s.Close()
	conn, err := s.Dial(t.Context(), "tcp", "db:1")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		request := make([]byte, 1)
		for range 2 {
			if _, err := io.ReadFull(server, request); err != nil {
				return
			}
			if n, _ := server.Write(make([]byte, MaxAnswerBytes+1)); n < MaxAnswerBytes {
				return
			}
		}
	}()
	answer := make([]byte, MaxAnswerBytes)
	if _, err := conn.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Errorf("an answer of the maximum size: %v", err)
	}
	if _, err := conn.Read(answer[:1]); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: got %v, want %v", err, ErrTooLarge)
	}
	if err := s.Reason(io.ErrUnexpectedEOF); !errors.Is(err, ErrTooLarge) {
		t.Errorf("the reason is %v, want %v", err, ErrTooLarge)
	}
	_, _ = conn.(*socket).Conn.Read(answer[:1]) // The byte that is left lets the server go on.
	if _, err := conn.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Errorf("the answer to another request: %v", err)
	}
	_ = conn.Close()
	<-ended
}

func testClosingThemClosesEverySocketAndEndsAttempt(t *testing.T) {
	dial, _ := dialPipe()
	s := NewSockets(t.Context(), dial)
	conn, err := s.Dial(t.Context(), "tcp", "db:1")
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a socket can be read after Close")
	}
	s.Close()

	attempting := make(chan struct{})
	s = NewSockets(t.Context(), func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(attempting)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	result := make(chan error)
	go func() {
		_, err := s.Dial(t.Context(), "tcp", "db:1")
		result <- err
	}()
	<-attempting
	s.Close()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("the attempt ended with %v, want %v", err, context.Canceled)
	}
}
