package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Ports come from below the range from which systems choose the ports of outgoing connections: such a connection could occupy
// a port before the program listens on it. They are also below the ports of the sandbox.
const (
	firstPort = 10000
	ports     = 10000
	portTries = 1000
)

// reserved are the lock files of the chosen ports, by address. Between its choice and the start of its program, and while that program is
// down, nothing listens on a port: the lock keeps other choices from it, also those of other processes. It ends with this process.
var reserved sync.Map

// FreeAddress returns a loopback address with a port that nothing listens on, such as 127.0.0.1:12345.
func FreeAddress(ctx context.Context) (string, error) { return FreeAddressOf(ctx, "127.0.0.1") }

// FreeAddressOf returns an address of ip with a port that nothing listens on. The port is not chosen again before ReleaseAddress.
func FreeAddressOf(ctx context.Context, ip string) (string, error) {
	var (
		config net.ListenConfig
		failed error
	)
	for range portTries {
		port := strconv.Itoa(firstPort + rand.IntN(ports))
		lock, err := lockPort(port)
		if err != nil {
			failed = err
			continue
		}
		address := net.JoinHostPort(ip, port)
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			failed = errors.Join(err, lock.Close())
			continue
		}
		reserved.Store(address, lock)
		return address, listener.Close()
	}
	return "", errors.Join(errors.New("find a free port from 10000 to 19999"), failed)
}

// ReleaseAddress allows that the port of an address is chosen again.
func ReleaseAddress(address string) {
	if lock, ours := reserved.LoadAndDelete(address); ours {
		_ = lock.(*os.File).Close() // reserved holds nothing else.
	}
}

// lockPort returns the file of a port, with a lock, or an error if another choice has the lock.
func lockPort(port string) (*os.File, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("impulse-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("reserve port %s: %w", port, err), file.Close())
	}
	return file, nil
}
