package process

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from below the range from which systems choose the ports of outgoing connections: such a connection could occupy
// a port before the program listens on it. They are also below the ports of the sandbox.
const (
	firstPort = 10000
	ports     = 10000
	portTries = 1000
)

// FreeAddress returns a loopback address with a port that nothing listens on, such as 127.0.0.1:12345.
func FreeAddress(ctx context.Context) (string, error) { return FreeAddressOf(ctx, "127.0.0.1") }

// FreeAddressOf returns an address of ip with a port that nothing listens on.
func FreeAddressOf(ctx context.Context, ip string) (string, error) {
	var (
		config net.ListenConfig
		failed error
	)
	for range portTries {
		address := net.JoinHostPort(ip, strconv.Itoa(firstPort+rand.IntN(ports)))
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			failed = err
			continue
		}
		return address, listener.Close()
	}
	return "", errors.Join(errors.New("find a free port from 10000 to 19999"), failed)
}
