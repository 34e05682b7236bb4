package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// Kind describes the trigger type push.
func Kind() triggers.Kind {
	k := triggers.Define("push", "A level that is pushed to this trigger over HTTP, as a CloudEvent or over NATS.", Config{}, open)
	k.Push, k.Receives = true, true
	k.Auth = natsconn.Parameters()
	k.Example = map[string]string{"threshold": "10", "ttl": "2m"}
	return k
}

// open returns the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	endpoint := triggers.Listen(triggers.Listener{Decode: c.decode, Aggregate: c.aggregate}, env)
	if c.NATSURL == "" {
		return endpoint, nil
	}
	return newNATSSource(c, env, endpoint), nil
}

// decode decodes the level of a message. A level without a ttl gets that of the config.
func (c Config) decode(_ context.Context, m triggers.Message) ([]triggers.Level, error) {
	l, err := levelOf(m)
	if err != nil {
		return nil, err
	}
	if l.TTL == 0 {
		l.TTL = c.TTL
	}
	return []triggers.Level{l}, nil
}

// aggregate returns the recorded level: there is at most one.
func (c Config) aggregate(levels []triggers.Level) (scalers.Milli, error) {
	if len(levels) > 0 {
		return levels[0].Value, nil
	}
	if c.TTL > 0 {
		return 0, fmt.Errorf("nothing has been pushed for %s, its ttl", c.TTL)
	}
	return 0, errors.New("nothing has been pushed yet, or the level has outlived its ttl")
}
