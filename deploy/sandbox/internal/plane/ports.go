package plane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Ports are below the range in which systems choose the ports of outgoing connections: there, a port that is free
// while its component is down could be taken by a client, even by one that is dialling that very port.
const (
	firstPort = 20000
	lastPort  = 29999
	tries     = 1000
)

// reservation is a port that no other sandbox of this user chooses until Close. Nothing listens on it before its component has started,
// and while that is down.
type reservation struct {
	address string
	lock    *os.File
}

// Close allows that the port is chosen again.
func (r reservation) Close() error { return r.lock.Close() }

// reservations are those of one sandbox.
type reservations []reservation

// Close allows that the ports are chosen again.
func (all reservations) Close() error {
	failed := make([]error, len(all))
	for i, r := range all {
		failed[i] = r.Close()
	}
	return errors.Join(failed...)
}

// reservePorts returns n different loopback addresses, host and port, that nothing listens on.
func reservePorts(ctx context.Context, n int) (reservations, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("impulse-sandbox-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("reserve ports: %w", err)
	}
	var all reservations
	for range tries {
		if len(all) == n {
			return all, nil
		}
		if r, err := reserve(ctx, dir, strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort+1))); err == nil {
			all = append(all, r)
		}
	}
	return nil, errors.Join(errors.New("find free loopback ports from 20000 to 29999: none left"), all.Close())
}

// reserve locks the file of a port, and returns an error if another sandbox has the lock or something listens on the port.
func reserve(ctx context.Context, dir, port string) (reservation, error) {
	lock, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return reservation{}, err
	}
	r := reservation{net.JoinHostPort("127.0.0.1", port), lock}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return r, errors.Join(err, r.Close())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.address)
	if err != nil {
		return r, errors.Join(err, r.Close())
	}
	return r, listener.Close()
}
