package redis

import (
	"context"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Redis describes the trigger type redis.
func Redis() triggers.Kind {
	return describe(triggers.Define("redis", "Elements of a list, set, sorted set or hash of a Redis server.",
		listConfig{List: defaultList()}, open[listConfig]), map[string]string{"address": "redis.shop:6379", "listName": "jobs"})
}

// Cluster describes the trigger type redis-cluster.
func Cluster() triggers.Kind {
	return describe(triggers.Define("redis-cluster", "Elements of a list, set, sorted set or hash of a Redis Cluster.",
		clusterListConfig{List: defaultList()}, open[clusterListConfig]),
		map[string]string{"addresses": "redis-0.redis.shop:6379,redis-1.redis.shop:6379", "listName": "jobs"})
}

// Sentinel describes the trigger type redis-sentinel.
func Sentinel() triggers.Kind {
	return describeSentinel(triggers.Define("redis-sentinel",
		"Elements of a list, set, sorted set or hash of the Redis master that a Sentinel names.",
		sentinelListConfig{List: defaultList()}, open[sentinelListConfig]),
		map[string]string{"addresses": "sentinel.shop:26379", "sentinelMaster": "mymaster", "listName": "jobs"})
}

// Streams describes the trigger type redis-streams.
func Streams() triggers.Kind {
	return describe(triggers.Define("redis-streams", "Entries of a stream of a Redis server.",
		streamConfig{Stream: defaultStream()}, open[streamConfig]),
		map[string]string{"address": "redis.shop:6379", "stream": "orders", "consumerGroup": "billing", "lagCount": "10"})
}

// ClusterStreams describes the trigger type redis-cluster-streams.
func ClusterStreams() triggers.Kind {
	return describe(triggers.Define("redis-cluster-streams", "Entries of a stream of a Redis Cluster.",
		clusterStreamConfig{Stream: defaultStream()}, open[clusterStreamConfig]), map[string]string{
		"addresses": "redis-0.redis.shop:6379,redis-1.redis.shop:6379", "stream": "orders", "consumerGroup": "billing", "lagCount": "10",
	})
}

// SentinelStreams describes the trigger type redis-sentinel-streams.
func SentinelStreams() triggers.Kind {
	return describeSentinel(triggers.Define("redis-sentinel-streams",
		"Entries of a stream of the Redis master that a Sentinel names.",
		sentinelStreamConfig{Stream: defaultStream()}, open[sentinelStreamConfig]), map[string]string{
		"addresses": "sentinel.shop:26379", "sentinelMaster": "mymaster", "stream": "orders", "consumerGroup": "billing", "lagCount": "10",
	})
}

// describe adds what all kinds have in common.
func describe(k triggers.Kind, example map[string]string) triggers.Kind {
	k.Auth, k.Example = parameters(), example
	return k
}

// describeSentinel adds what the kinds with a Sentinel have in common.
func describeSentinel(k triggers.Kind, example map[string]string) triggers.Kind {
	k = describe(k, example)
	k.Auth = append(k.Auth, sentinelParameters()...)
	return k
}

// config is the typed metadata of one of the six kinds.
type config interface {
	triggers.Config
	// settings returns how the server is found and reached.
	settings() settings
	// query returns what is counted.
	query() query
}

// open builds the source of any of the kinds. It does no I/O.
func open[C config](c C, env triggers.Env) (triggers.Source, error) {
	r := &reader{settings: c.settings(), query: c.query(), secrets: env.Secrets}
	access := "redis\x00" + r.settings.digest() + "\x00" + env.Credentials
	key := triggers.PollKey{Server: strings.Join(r.settings.server.Servers(), ","), Key: access + "\x00" + r.query.key()}
	if key.Server == "" { // Only the authenticationRef has the address.
		key.Server = access
	}
	poll := triggers.PollEach(key, r.Read, func(_ scalers.Instant, l level) scalers.Event { return l.event() }, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) {
		shared, release, err := triggers.Acquire(env.Pool, access, func() (*connection, error) {
			return newConnection(context.Background(), env.Dial), nil
		})
		r.connection = shared
		return poll, release, err
	}), nil
}

// level is a number of elements. If unknown is not nil, the number is not known, but it is at least value.
type level struct {
	value   scalers.Milli
	unknown error
}

// event returns the event for the level.
func (l level) event() scalers.Event {
	return scalers.Event{Value: l.value, Err: l.unknown, AtLeast: l.unknown != nil}
}
