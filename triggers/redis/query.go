package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// query is what is counted.
type query interface {
	// key distinguishes queries of one server.
	key() string
	// describe names the key for a reason.
	describe() string
	// read counts.
	read(ctx context.Context, do do) (level, error)
}

// do sends a command to the server of its key, and returns the answer.
type do func(ctx context.Context, command ...any) (any, error)

// reader reads the level of one trigger.
type reader struct {
	settings   settings
	query      query
	secrets    triggers.Secrets
	connection *connection
	home       atomic.Pointer[string]
}

// Read returns the current level.
func (r *reader) Read(ctx context.Context) (level, error) {
	l, err := r.read(ctx)
	if err != nil {
		return level{}, fmt.Errorf("read %s: %w", r.query.describe(), err)
	}
	if l.unknown != nil {
		l.unknown = fmt.Errorf("read %s: %w", r.query.describe(), l.unknown)
	}
	return l, nil
}

func (r *reader) read(ctx context.Context) (level, error) {
	a, err := r.settings.access(ctx, r.secrets)
	if err != nil {
		return level{}, err
	}
	return use(ctx, r.connection, a, func(ctx context.Context, s *session) (level, error) {
		way := &route{session: s, home: &r.home}
		return r.query.read(ctx, way.do)
	})
}

// count returns the number in the answer to a command.
func count(answer any, err error) (level, error) {
	if err != nil {
		return level{}, err
	}
	n, ok := answer.(int64)
	if !ok || n < 0 {
		return level{}, errNoNumber
	}
	value, err := scalers.ParseMilli(strconv.FormatInt(n, 10))
	return level{value: value}, err
}

var errNoNumber = errors.New("the answer has no number where one is due")

// wrongType reports whether the key has a type that the command does not count.
func wrongType(err error) bool {
	var answer goredis.Error
	return errors.As(err, &answer) && goredis.HasErrorPrefix(answer, "WRONGTYPE")
}
