package redis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/impulse-sh/impulse/internal/printable"
)

// listQuery counts the elements of a list, set, sorted set or hash.
type listQuery struct {
	name string
	// counted is the command that counted at the last reading; nil for that of a list.
	counted atomic.Pointer[string]
}

func (q *listQuery) key() string { return "list\x00" + q.name }

func (q *listQuery) describe() string { return "key " + printable.Line(q.name, maxName) }

// maxName is the maximum length of a name in a reason, in bytes.
const maxName = 200

// read counts with one command if the key still has the type of the last reading. A missing key has no elements, because Redis removes
// a key with its last element.
func (q *listQuery) read(ctx context.Context, do do) (level, error) {
	command := "LLEN"
	if last := q.counted.Load(); last != nil {
		command = *last
	}
	l, err := count(do(ctx, command, q.name))
	if !wrongType(err) {
		return l, err
	}
	kind, err := do(ctx, "TYPE", q.name)
	if err != nil {
		return level{}, err
	}
	switch kind {
	case "none":
		return level{}, nil // It was removed after the first command.
	case "list":
		command = "LLEN"
	case "set":
		command = "SCARD"
	case "zset":
		command = "ZCARD"
	case "hash":
		command = "HLEN"
	case "stream":
		return level{}, errors.New("it is a stream: use a trigger of a type with -streams")
	default:
		return level{}, fmt.Errorf("it is a %s, and not a list, set, sorted set or hash", printable.Line(fmt.Sprint(kind), maxName))
	}
	if l, err = count(do(ctx, command, q.name)); err == nil {
		q.counted.Store(&command)
	}
	return l, err
}
