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
	s := &source{group: g, env: env}
	r := &reader{settings: c.settings(), query: q, secrets: env.Secrets}
	key := "kafka\x00" + r.settings.digest() + "\x00" + env.Credentials
	poll := triggers.PollEach(triggers.PollKey{
		Server: strings.Join(r.settings.server.BootstrapServers, ","), Key: key + "\x00" + q.key(),
	}, r.Read, s.event, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) {
		shared, release, err := triggers.Acquire(env.Pool, key, func() (*connection, error) {
			return newConnection(context.Background(), env.Dial, env.HTTP), nil
		})
		r.connection = shared
		return poll, release, err
	}), nil
}

// source computes the levels of one trigger from readings that it may share with others.
type source struct {
	group   Group
	env     triggers.Env
	history history
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
