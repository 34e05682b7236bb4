package rabbitmq

import (
	"errors"
	"fmt"
	"io"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/impulse-sh/impulse/internal/printable"
)

var (
	errEnded     = errors.New("the server closed the connection")
	errMechanism = errors.New("the server does not offer this kind of login")
)

// loginReason returns the reason for an error of opening a connection, without credentials. The socket is closed.
func (s *session) loginReason(err error) error {
	if reply, ok := errors.AsType[*amqp.Error](err); ok && reply.Server {
		return s.reply(reply)
	}
	failed := s.socket.reason(err)
	switch {
	case errors.Is(err, amqp.ErrSASL):
		return errMechanism
	case errors.Is(failed, io.EOF) && !s.socket.answered:
		return errNotAMQP
	}
	return ended(failed)
}

// reason returns the reason for an error of a request, without credentials.
func (s *session) reason(err error) error {
	if reply, ok := errors.AsType[*amqp.Error](err); ok && reply.Server {
		return s.reply(reply)
	}
	return ended(s.socket.reason(err))
}

// reply returns what the server answered.
func (s *session) reply(e *amqp.Error) error {
	return fmt.Errorf("%s (%d)", printable.Line(s.access.hide(e.Reason), maxReasonBytes), e.Code)
}

// ended returns a plain error for a connection that has ended.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, amqp.ErrClosed) {
		return errEnded
	}
	return err
}
