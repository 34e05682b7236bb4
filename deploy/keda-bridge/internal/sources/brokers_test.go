package sources

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func startBeanstalkd(t *testing.T) source {
	t.Helper()
	program, err := exec.LookPath("beanstalkd")
	if err != nil {
		t.Skip("this test needs Debian's package beanstalkd")
	}
	address := freeAddress(t)
	stop := start(t, address, program, "-l", "127.0.0.1", "-p", portOf(address))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	answers := bufio.NewReader(conn)
	// send sends a command, and returns the first line of the answer.
	send := func(command string) (string, error) {
		if _, err := io.WriteString(conn, command); err != nil {
			return "", err
		}
		return answers.ReadString('\n')
	}
	if _, err := send("use orders\r\n"); err != nil {
		t.Fatal(err)
	}
	var jobs []string
	return source{
		metadata: map[string]string{"server": address, "tube": "orders", "value": "1"}, stop: stop,
		set: func(_ context.Context, n int) error {
			for len(jobs) < n {
				line, err := send("put 0 0 60 5\r\norder\r\n")
				id, ok := strings.CutPrefix(line, "INSERTED ")
				if err != nil || !ok {
					return fmt.Errorf("put: %q, %w", line, err)
				}
				jobs = append(jobs, strings.TrimSpace(id))
			}
			for ; len(jobs) > n; jobs = jobs[1:] {
				if line, err := send("delete " + jobs[0] + "\r\n"); err != nil || line != "DELETED\r\n" {
					return fmt.Errorf("delete: %q, %w", line, err)
				}
			}
			return nil
		},
	}
}

func startEtcd(t *testing.T) source {
	t.Helper()
	programs := os.Getenv("IMPULSE_SANDBOX_BIN")
	if programs == "" {
		t.Skip("this test needs etcd: run `make bridge-test`, or set IMPULSE_SANDBOX_BIN")
	}
	address := freeAddress(t)
	client, peer := "http://"+address, "http://"+freeAddress(t)
	stop := start(t, address, filepath.Join(programs, "etcd"), "--data-dir", t.TempDir(), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{client}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return source{
		metadata: map[string]string{"endpoints": address, "watchKey": "orders", "value": "1"}, stop: stop,
		set: func(ctx context.Context, n int) error {
			_, err := c.Put(ctx, "orders", strconv.Itoa(n))
			return err
		},
	}
}

func startNSQ(t *testing.T) source {
	t.Helper()
	lookup, lookupTCP, queue, queueTCP := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	stopLookup := start(t, lookup, emulator(t, "nsqlookupd"), "-http-address", lookup, "-tcp-address", lookupTCP)
	stopQueue := start(t, queue, emulator(t, "nsqd"), "-http-address", queue, "-tcp-address", queueTCP, "-lookupd-tcp-address", lookupTCP,
		"-broadcast-address", "127.0.0.1", "-data-path", t.TempDir())
	post := func(ctx context.Context, path, body string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+queue+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, response.Status)
		}
		return nil
	}
	both := "?" + url.Values{"topic": {"orders"}, "channel": {"workers"}}.Encode()
	for _, path := range []string{"/topic/create?topic=orders", "/channel/create" + both} {
		if err := post(t.Context(), path, ""); err != nil {
			t.Fatal(err)
		}
	}
	return source{
		metadata: map[string]string{"nsqLookupdHTTPAddresses": lookup, "topic": "orders", "channel": "workers", "depthThreshold": "1"},
		stop:     func() { stopQueue(); stopLookup() },
		set: func(ctx context.Context, n int) error {
			if err := post(ctx, "/channel/empty"+both, ""); err != nil {
				return err
			}
			for range n {
				if err := post(ctx, "/pub?topic=orders", "order"); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
