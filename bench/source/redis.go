package source

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// redisGroup is the consumer group of the streams.
const redisGroup = "workers"

// startRedis starts a Redis server with a list and two streams for each level.
func startRedis(ctx context.Context, h *Host) ([]Source, error) {
	binary := process.Find("/usr/bin/redis-server")
	if binary == "" {
		return nil, fmt.Errorf("%w: Debian's package redis-server has it", ErrMissing)
	}
	dir, err := h.folder("redis", "")
	if err != nil {
		return nil, err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address) // It comes from FreeAddress.
	p, err := process.Start(ctx, dir, "redis", binary, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	if err != nil {
		return nil, err
	}
	h.onClose(p.Stop)
	client := newRedis(address)
	h.onClose(func() { _ = client.Close() })
	err = process.WaitFor(ctx, 20*time.Second, "Redis answers", func(ctx context.Context) (bool, error) {
		return client.Ping(ctx).Err() == nil, p.Err()
	})
	if err != nil {
		return nil, err
	}
	stream := func(kind string) func(i int) string {
		return func(i int) string { return kind + "-" + strconv.Itoa(i) }
	}
	sources := []Source{
		{Name: "redis", Type: "redis", Address: address, Set: func(ctx context.Context, i, n int) error {
			_, err := client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
				p.Del(ctx, stream("list")(i))
				p.RPush(ctx, stream("list")(i), items(n)...)
				return nil
			})
			return err
		}, Metadata: func(i int) map[string]string {
			return map[string]string{"address": address, "listName": stream("list")(i), "listLength": "1"}
		}},
		{Name: "redis-streams/pending", Type: "redis-streams", Address: address, Set: func(ctx context.Context, i, n int) error {
			return setStream(ctx, client, stream("pending")(i), n, true)
		}, Metadata: func(i int) map[string]string {
			return map[string]string{"address": address, "stream": stream("pending")(i), "consumerGroup": redisGroup, "pendingEntriesCount": "1"}
		}},
		{Name: "redis-streams/lag", Type: "redis-streams", Address: address, Set: func(ctx context.Context, i, n int) error {
			return setStream(ctx, client, stream("lag")(i), n, false)
		}, Metadata: func(i int) map[string]string {
			return map[string]string{"address": address, "stream": stream("lag")(i), "consumerGroup": redisGroup, "lagCount": "1"}
		}},
	}
	for _, s := range sources {
		if err := h.each(ctx, func(ctx context.Context, i int) error { return s.Set(ctx, i, 1) }); err != nil {
			return nil, fmt.Errorf("fill Redis: %w", err)
		}
	}
	return sources, nil
}

// setStream makes a stream of n entries, which are delivered to the group or not.
func setStream(ctx context.Context, client *goredis.Client, name string, n int, deliver bool) error {
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

// newRedis returns a client with as many connections as Impulse uses.
func newRedis(address string) *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: address, Protocol: 2, DisableIdentity: true, PoolSize: 4, MaxActiveConns: 4})
}

func bareList(_ context.Context, address string) (Read, error) {
	client := newRedis(address)
	return func(ctx context.Context, i int) (float64, error) {
		n, err := client.LLen(ctx, "list-"+strconv.Itoa(i)).Result()
		return float64(n), err
	}, nil
}

func barePending(_ context.Context, address string) (Read, error) {
	client := newRedis(address)
	return func(ctx context.Context, i int) (float64, error) {
		pending, err := client.XPending(ctx, "pending-"+strconv.Itoa(i), redisGroup).Result()
		if err != nil {
			return 0, err
		}
		return float64(pending.Count), nil
	}, nil
}

func bareLag(_ context.Context, address string) (Read, error) {
	client := newRedis(address)
	return func(ctx context.Context, i int) (float64, error) {
		groups, err := client.XInfoGroups(ctx, "lag-"+strconv.Itoa(i)).Result()
		if err := only(len(groups), err); err != nil {
			return 0, err
		}
		return float64(groups[0].Lag), nil
	}, nil
}

// items returns n elements of a list.
func items(n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = "job"
	}
	return all
}
