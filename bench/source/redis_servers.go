package source

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// redisMaster is the name by which the Sentinel knows its master.
	redisMaster = "jobs"
	// clusterNodes is the number of masters of the cluster, which share clusterSlots.
	clusterNodes = 3
	clusterSlots = 16384
	// redisConnections is the number of connections to one server, which is that of Impulse.
	redisConnections = 4
)

// startRedisServer starts one server and returns its address. arguments follow those that keep its data in memory.
func startRedisServer(ctx context.Context, h *Host, name string, arguments ...string) (address string, err error) {
	if address, err = process.FreeAddress(ctx); err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address) // It comes from FreeAddress.
	return address, h.runRedis(ctx, name, address, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}, arguments...)...)
}

// runRedis runs Redis in a folder of its own, and waits until it answers.
func (h *Host) runRedis(ctx context.Context, name, address string, arguments ...string) error {
	binary := process.Find("/usr/bin/redis-server")
	if binary == "" {
		return fmt.Errorf("%w: Debian's package redis-server has it", ErrMissing)
	}
	dir, err := h.folder(name, "")
	if err != nil {
		return err
	}
	p, err := process.Start(ctx, dir, name, binary, append(arguments, "--dir", dir)...)
	if err != nil {
		return err
	}
	h.onClose(p.Stop)
	client := newRedis(address)
	defer func() { _ = client.Close() }()
	return process.WaitFor(ctx, 20*time.Second, name+" answers", func(ctx context.Context) (bool, error) {
		return client.Ping(ctx).Err() == nil, p.Err()
	})
}

// startSentinel starts a server and a Sentinel that watches it, and returns the address of the Sentinel.
func startSentinel(ctx context.Context, h *Host) (string, error) {
	master, err := startRedisServer(ctx, h, "redis-master")
	if err != nil {
		return "", err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return "", err
	}
	dir, err := h.folder("redis-sentinel", "")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address)
	host, masterPort, _ := net.SplitHostPort(master)
	config := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor %s %s %s 1\n", port, redisMaster, host, masterPort)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("configure the Sentinel: %w", err)
	}
	return address, h.runRedis(ctx, "redis-sentinel", address, config, "--sentinel")
}

// startRedisCluster starts a cluster, and returns the addresses of its nodes, separated by commas.
func startRedisCluster(ctx context.Context, h *Host) (string, error) {
	var nodes []string
	for i := range clusterNodes {
		bus, err := process.FreeAddress(ctx)
		if err != nil {
			return "", err
		}
		_, busPort, _ := net.SplitHostPort(bus)
		address, err := startRedisServer(ctx, h, fmt.Sprint("redis-node-", i), "--cluster-enabled", "yes", "--cluster-port", busPort)
		if err != nil {
			return "", err
		}
		nodes = append(nodes, address)
		if err := join(ctx, nodes[0], address, busPort, i); err != nil {
			return "", fmt.Errorf("add node %d to the cluster: %w", i, err)
		}
	}
	for _, address := range nodes {
		client := newRedis(address)
		defer func() { _ = client.Close() }()
		err := process.WaitFor(ctx, 20*time.Second, "the cluster is up", func(ctx context.Context) (bool, error) {
			info := client.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", clusterNodes)), nil
		})
		if err != nil {
			return "", err
		}
	}
	return strings.Join(nodes, ","), nil
}

// join gives a node its part of the slots, and has the first node of the cluster meet it.
func join(ctx context.Context, first, address, busPort string, i int) error {
	client := newRedis(address)
	defer func() { _ = client.Close() }()
	begin, end := clusterSlots*i/clusterNodes, clusterSlots*(i+1)/clusterNodes-1
	if err := client.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", begin, end).Err(); err != nil || address == first {
		return err
	}
	firstNode := newRedis(first)
	defer func() { _ = firstNode.Close() }()
	host, port, _ := net.SplitHostPort(address)
	return firstNode.Do(ctx, "CLUSTER", "MEET", host, port, busPort).Err()
}

func newRedis(address string) goredis.UniversalClient {
	return goredis.NewClient(&goredis.Options{
		Addr: address, Protocol: 2, DisableIdentity: true, PoolSize: redisConnections, MaxActiveConns: redisConnections,
	})
}

func newRedisSentinel(address string) goredis.UniversalClient {
	return goredis.NewFailoverClient(&goredis.FailoverOptions{
		MasterName: redisMaster, SentinelAddrs: []string{address}, Protocol: 2, DisableIdentity: true,
		PoolSize: redisConnections, MaxActiveConns: redisConnections,
	})
}

func newRedisCluster(addresses string) goredis.UniversalClient {
	return goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: strings.Split(addresses, ","), Protocol: 2, DisableIdentity: true, PoolSize: redisConnections, MaxActiveConns: redisConnections,
	})
}
