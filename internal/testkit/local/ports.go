package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range in which systems choose those of outgoing connections, which would take a port
// between its being found and its being listened on; and from below those of the sandbox.
const (
	firstPort = 10000
	ports     = 10000
	portTries = 1000
)

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress(ctx context.Context) (string, error) { return FreeAddressOf(ctx, "127.0.0.1") }

// FreeAddressOf returns an address of ip that nobody listens on, such as 127.0.0.1:12345.
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
