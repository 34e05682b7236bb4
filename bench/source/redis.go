package source

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// redisGroup is the consumer group of the streams.
const redisGroup = "workers"

// redisForm is one way to reach lists and streams in Redis.
type redisForm struct {
	// name follows "redis" in the types of its triggers.
	name string
	// address is what Bare needs; connect connects to it.
	address string
	connect func(address string) goredis.UniversalClient
	// metadata is how a trigger reaches it.
	metadata map[string]string
}

// startRedis starts a Redis server, one with a Sentinel and a cluster, each with a list and two streams for each level.
func startRedis(ctx context.Context, h *Host) ([]Source, error) {
	single, err := startRedisServer(ctx, h, "redis")
	if err != nil {
		return nil, err
	}
	sentinel, err := startSentinel(ctx, h)
	if err != nil {
		return nil, err
	}
	masters, err := startRedisCluster(ctx, h)
	if err != nil {
		return nil, err
	}
	var sources []Source
	for _, f := range []redisForm{
		{"", single, newRedis, map[string]string{"address": single}},
		{"-sentinel", sentinel, newRedisSentinel, map[string]string{"address": sentinel, "sentinelMaster": redisMaster}},
		{"-cluster", masters, newRedisCluster, map[string]string{"addresses": masters}},
	} {
		more, err := f.fill(ctx, h)
		if err != nil {
			return nil, fmt.Errorf("fill redis%s: %w", f.name, err)
		}
		sources = append(sources, more...)
	}
	return sources, nil
}

// fill makes the lists and streams of each level, and returns the sources.
func (f redisForm) fill(ctx context.Context, h *Host) ([]Source, error) {
	client := f.connect(f.address)
	h.onClose(func() { _ = client.Close() })
	stream := func(kind string, deliver bool) func(ctx context.Context, i, n int) error {
		return func(ctx context.Context, i, n int) error {
			return setStream(ctx, client, redisKey(kind, i), n, deliver)
		}
	}
	list := func(ctx context.Context, i, n int) error {
		_, err := client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Del(ctx, redisKey("list", i))
			p.RPush(ctx, redisKey("list", i), items(n)...)
			return nil
		})
		return err
	}
	sources := []Source{
		f.source("", list, "listLength", func(i int) map[string]string { return map[string]string{"listName": redisKey("list", i)} }),
		f.source("-streams/pending", stream("pending", true), "pendingEntriesCount", streamOf("pending")),
		f.source("-streams/lag", stream("lag", false), "lagCount", streamOf("lag")),
	}
	for _, s := range sources {
		if err := h.each(ctx, func(ctx context.Context, i int) error { return s.Set(ctx, i, 1) }); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// source returns a source whose triggers have the metadata of the form, of the level, and the target 1.
func (f redisForm) source(suffix string, set func(ctx context.Context, i, n int) error, target string, of func(i int) map[string]string) Source {
	name := "redis" + f.name + suffix
	return Source{Name: name, Type: strings.TrimSuffix(strings.TrimSuffix(name, "/lag"), "/pending"), Address: f.address, Set: set, Metadata: func(i int) map[string]string {
		m := maps.Clone(f.metadata)
		maps.Copy(m, of(i))
		m[target] = "1"
		return m
	}}
}

// streamOf returns the metadata of a trigger on a stream.
func streamOf(kind string) func(i int) map[string]string {
	return func(i int) map[string]string {
		return map[string]string{"stream": redisKey(kind, i), "consumerGroup": redisGroup}
	}
}

// redisKey returns the key of level i of a kind.
func redisKey(kind string, i int) string { return kind + "-" + strconv.Itoa(i) }

// setStream makes a stream of n entries, which are delivered to the group or not.
func setStream(ctx context.Context, client goredis.UniversalClient, name string, n int, deliver bool) error {
	_, err := client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		p.Del(ctx, name)
		for range n {
			p.XAdd(ctx, &goredis.XAddArgs{Stream: name, Values: []string{"job", "1"}})
		}
		p.XGroupCreate(ctx, name, redisGroup, "0")
		if deliver {
			p.XReadGroup(ctx, &goredis.XReadGroupArgs{Group: redisGroup, Consumer: "one", Streams: []string{name, ">"}, Block: -1})
		}
		return nil
	})
	return err
}

// bareRedis reads with the client of a form.
func bareRedis(
	connect func(address string) goredis.UniversalClient, read func(ctx context.Context, client goredis.UniversalClient, i int) (int64, error),
) func(ctx context.Context, address string) (Read, error) {
	return func(_ context.Context, address string) (Read, error) {
		client := connect(address)
		return func(ctx context.Context, i int) (float64, error) {
			n, err := read(ctx, client, i)
			return float64(n), err
		}, nil
	}
}

func readList(ctx context.Context, client goredis.UniversalClient, i int) (int64, error) {
	return client.LLen(ctx, redisKey("list", i)).Result()
}

func readPending(ctx context.Context, client goredis.UniversalClient, i int) (int64, error) {
	pending, err := client.XPending(ctx, redisKey("pending", i), redisGroup).Result()
	if err != nil {
		return 0, err
	}
	return pending.Count, nil
}

func readLag(ctx context.Context, client goredis.UniversalClient, i int) (int64, error) {
	groups, err := client.XInfoGroups(ctx, redisKey("lag", i)).Result()
	if err := only(len(groups), err); err != nil {
		return 0, err
	}
	return groups[0].Lag, nil
}

// items returns n elements of a list.
func items(n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = "job"
	}
	return all
}
