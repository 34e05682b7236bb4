package kafka

import (
	"context"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kafka describes the trigger type kafka.
func Kafka() triggers.Kind {
	k := triggers.Define("kafka", "Lag of a consumer group of Apache Kafka.",
		kafkaConfig{Group: defaultGroup()}, open[kafkaConfig])
	k.Auth, k.Example = slices.Concat(parameters(), tokenParameters(), kerberosParameters(), bridgedParameters()), example()
	k.Limits, k.LoginParameters = limits, []string{"sasl", "saslTokenProvider"}
	return k
}

// Apache describes the trigger type apache-kafka.
func Apache() triggers.Kind {
	k := triggers.Define("apache-kafka", "Lag of a consumer group of Apache Kafka, in one or more topics.",
		apacheConfig{Group: defaultGroup()}, open[apacheConfig])
	k.Auth, k.Example = slices.Concat(parameters(), bridgedParameters()), example()
	k.Limits, k.LoginParameters = limits, []string{"sasl"}
	return k
}

func example() map[string]string {
	return map[string]string{"bootstrapServers": "kafka.shop:9092", "consumerGroup": "billing", "topic": "orders", "lagThreshold": "50"}
}

// config is the typed metadata of one of the kinds.
type config interface {
	triggers.Config
	// settings returns how the brokers are reached.
	settings() settings
	// query returns what is read, and how the level follows from it.
	query() (query, Group)
}

// open builds the source of one of the kinds. It does no I/O.
func open[C config](c C, env triggers.Env) (triggers.Source, error) {
	q, g := c.query()
	return &source{settings: c.settings(), query: q, group: g, env: env}, nil
}

// source is the Source of one trigger. It uses a shared client while it runs.
type source struct {
	settings settings
	query    query
	group    Group
	env      triggers.Env
	history  history
}

// Run implements triggers.Source.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	key := "kafka\x00" + s.settings.digest() + "\x00" + s.env.Credentials
	shared, release, err := triggers.Acquire(s.env.Pool, key, func() (*connection, error) {
		return newConnection(ctx, s.env.Dial, s.env.HTTP), nil
	})
	if err != nil {
		return err
	}
	defer release()
	s.history = history{}
	r := &reader{settings: s.settings, query: s.query, secrets: s.env.Secrets, connection: shared}
	poll := triggers.PollKey{Server: strings.Join(s.settings.server.BootstrapServers, ","), Key: key + "\x00" + s.query.key()}
	return triggers.PollEach(poll, r.Read, s.event, s.env).Run(ctx, emit)
}

// event returns the event for a reading.
func (s *source) event(at scalers.Instant, all []partitionState) scalers.Event {
	l := s.group.measure(all, s.history.before(at))
	if s.group.ExcludePersistentLag {
		s.history.add(at, all)
	}
	value := s.group.level(l)
	e := scalers.Event{Value: value, Notice: s.history.notice(s.group, l)}
	if s.env.Input || value == messages(l.waiting) {
		return e
	}
	// The trigger is active by all that waits: by lag that does not count because nobody consumes it, and not by the rounding up of a level.
	e.Activity = scalers.InactiveBySource
	if messages(l.waiting) > s.group.ActivationLagThreshold {
		e.Activity = scalers.ActiveBySource
	}
	return e
}
