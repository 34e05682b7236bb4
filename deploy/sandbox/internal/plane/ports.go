package plane

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range in which systems choose the ports of outgoing connections: there, a port that is free
// while its component is down could be taken by a client, even by one that is dialling that very port.
const (
	firstPort = 20000
	lastPort  = 29999
	tries     = 1000
)

// freeAddresses returns n different loopback addresses, host and port, that nothing listens on.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	var (
		free []string
		held []net.Listener
	)
	defer func() {
		for _, listener := range held {
			_ = listener.Close() // It was only held so that no port is found twice.
		}
	}()
	for range tries {
		if len(free) == n {
			return free, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		held = append(held, listener)
		free = append(free, listener.Addr().String())
	}
	return nil, errors.New("find free loopback ports from 20000 to 29999: none left")
}
