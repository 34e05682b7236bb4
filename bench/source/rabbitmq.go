package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// managementLevels is the number of levels that are read over HTTP. The server needs some milliseconds of CPU for each.
const managementLevels = 100

// queueOf returns the name of the queue with level i.
func queueOf(i int) string { return "queue-" + strconv.Itoa(i) }

// startRabbitMQ starts a RabbitMQ server with a queue for each level.
func startRabbitMQ(ctx context.Context, h *Host) ([]Source, error) {
	const account, binaries = "rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmq-server"
	epmd := process.Find("/usr/bin/epmd")
	if process.Find(binaries) == "" || epmd == "" {
		return nil, fmt.Errorf("%w: Debian's package rabbitmq-server has it", ErrMissing)
	}
	dir, err := h.folder("rabbitmq", account)
	if err != nil {
		return nil, err
	}
	var at [4]string // The addresses of AMQP, the management API, epmd and the distribution of Erlang.
	for i := range at {
		if at[i], err = process.FreeAddress(ctx); err != nil {
			return nil, err
		}
	}
	port := func(i int) string { return at[i][strings.LastIndexByte(at[i], ':')+1:] }
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{
		".erlang.cookie": "impulse",
		"plugins":        "[rabbitmq_management].\n",
		"rabbitmq.conf": "listeners.tcp.1 = " + at[0] + "\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = " + port(1) +
			"\nloopback_users = none\ncollect_statistics_interval = 1000\ndisk_free_limit.absolute = 1MB\nlog.console = true\nlog.console.level = error\nlog.file = false\n",
	} {
		if err := os.WriteFile(in(name), []byte(content), 0o400); err != nil {
			return nil, fmt.Errorf("configure RabbitMQ: %w", err)
		}
		if err := process.GiveTo(account, in(name)); err != nil {
			return nil, err
		}
	}
	mapper, err := process.Start(ctx, h.Dir, "epmd", epmd, "-address", "127.0.0.1", "-port", port(2))
	if err != nil {
		return nil, err
	}
	h.onClose(mapper.Stop)
	if err := process.WaitFor(ctx, 10*time.Second, "epmd listens", listening(at[2])); err != nil {
		return nil, err
	}
	binary, args := process.AsUser(account, "/usr/bin/env",
		"HOME="+dir, "ERL_EPMD_PORT="+port(2), "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=rabbit@localhost", "RABBITMQ_DIST_PORT="+port(3),
		"RABBITMQ_CONF_ENV_FILE="+in("none"), "RABBITMQ_CONFIG_FILE="+in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE="+in("plugins"),
		"RABBITMQ_MNESIA_BASE="+in("data"), "RABBITMQ_LOG_BASE="+in("log"), "RABBITMQ_PID_FILE="+in("pid"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}", "RUNNING_UNDER_SYSTEMD=true", binaries)
	p, err := process.Start(ctx, h.Dir, "rabbitmq", binary, args...)
	if err != nil {
		return nil, err
	}
	h.onClose(p.Stop)
	overAMQP, overHTTP := "amqp://guest:guest@"+at[0]+"/", "http://guest:guest@"+at[1]
	var conn *amqp.Connection
	err = process.WaitFor(ctx, time.Minute, "RabbitMQ answers", func(context.Context) (bool, error) {
		conn, err = amqp.Dial(overAMQP)
		return err == nil, p.Err()
	})
	if err != nil {
		return nil, err
	}
	h.onClose(func() { _ = conn.Close() })
	return queues(ctx, h, conn, overAMQP, overHTTP)
}

// queues creates the queues and returns the two ways to read them.
func queues(ctx context.Context, h *Host, conn *amqp.Connection, overAMQP, overHTTP string) ([]Source, error) {
	channels, err := channelsOf(conn)
	if err != nil {
		return nil, err
	}
	fill := func(ctx context.Context, i int) error {
		channel := <-channels
		defer func() { channels <- channel }()
		if _, err := channel.QueueDeclare(queueOf(i), false, false, false, false, nil); err != nil {
			return err
		}
		return setQueue(ctx, channel, i, 1)
	}
	if err := errors.Join(h.each(ctx, fill), fill(ctx, h.Levels)); err != nil {
		return nil, fmt.Errorf("fill RabbitMQ: %w", err)
	}
	read, err := bareManagement(ctx, overHTTP)
	if err != nil {
		return nil, err
	}
	err = process.WaitFor(ctx, 30*time.Second, "the management API has the numbers", func(ctx context.Context) (bool, error) {
		for i := range h.Levels + 1 {
			if n, err := read(ctx, i); err != nil || n != 1 {
				return false, nil //nolint:nilerr // WaitFor tries again.
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	own := func(i int) int { // Both ways may change a level at the same time, so the one that changes over HTTP is another one.
		if i == managementLevels {
			return h.Levels
		}
		return i
	}
	set := func(ctx context.Context, i, n int) error {
		channel := <-channels
		defer func() { channels <- channel }()
		return setQueue(ctx, channel, i, n)
	}
	metadata := func(host string) func(i int) map[string]string {
		return func(i int) map[string]string {
			return map[string]string{"host": host, "queueName": queueOf(i), "mode": "QueueLength", "value": "1"}
		}
	}
	return []Source{
		{Name: "rabbitmq/amqp", Type: "rabbitmq", Address: overAMQP, Set: set, Metadata: metadata(overAMQP)},
		{
			Name: "rabbitmq/http", Type: "rabbitmq", Address: overHTTP, Triggers: managementLevels,
			Set:      func(ctx context.Context, i, n int) error { return set(ctx, own(i), n) },
			Metadata: func(i int) map[string]string { return metadata(overHTTP + "/%2F")(own(i)) },
		},
	}, nil
}

// setQueue leaves n messages in a queue.
func setQueue(ctx context.Context, channel *amqp.Channel, i, n int) error {
	if _, err := channel.QueuePurge(queueOf(i), false); err != nil {
		return err
	}
	for range n {
		confirmed, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queueOf(i), true, false, amqp.Publishing{Body: []byte("job")})
		if err != nil {
			return err
		}
		if _, err := confirmed.WaitContext(ctx); err != nil {
			return err
		}
	}
	return nil
}

// channelsOf opens channels that confirm what is published.
func channelsOf(conn *amqp.Connection) (chan *amqp.Channel, error) {
	const most = 16 // As many as Impulse uses.
	channels := make(chan *amqp.Channel, most)
	for range most {
		channel, err := conn.Channel()
		if err != nil {
			return nil, err
		}
		if err := channel.Confirm(false); err != nil {
			return nil, err
		}
		channels <- channel
	}
	return channels, nil
}

func bareAMQP(_ context.Context, address string) (Read, error) {
	conn, err := amqp.Dial(address)
	if err != nil {
		return nil, err
	}
	channels, err := channelsOf(conn)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, i int) (float64, error) {
		channel := <-channels
		defer func() { channels <- channel }()
		q, err := channel.QueueDeclarePassive(queueOf(i), false, false, false, false, nil)
		return float64(q.Messages), err
	}, nil
}

func bareManagement(_ context.Context, address string) (Read, error) {
	return func(ctx context.Context, i int) (float64, error) {
		var queue struct {
			Messages float64 `json:"messages"`
		}
		err := getJSON(ctx, address+"/api/queues/%2F/"+url.PathEscape(queueOf(i))+"?columns=name,messages", &queue) // Without the name, an answer without the number is a list.
		return queue.Messages, err
	}, nil
}

// listening returns a condition: a server accepts connections.
func listening(address string) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false, nil //nolint:nilerr // WaitFor tries again.
		}
		return true, conn.Close()
	}
}
