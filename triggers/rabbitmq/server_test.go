package rabbitmq

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

const (
	account = "rabbitmq"
	// binaries has the programs of the package as they are: those in /usr/sbin use the folders of the system's RabbitMQ.
	binaries = "/usr/lib/rabbitmq/bin/"
	// password is that of the user admin. It needs escaping in a URL.
	password = "correct/horse: b@ttery"
)

// server is a real RabbitMQ with the management API and the virtual host /.
type testServer struct {
	*testkit.Process
	t *testing.T

	dir string
	// amqp and http are addresses.
	amqp, http string
	// epmd and dist are the ports at which the nodes of a cluster and its tools find this one.
	epmd, dist string
	// options are further lines of its configuration.
	options []string
}

// start starts a server on free addresses.
func start(t *testing.T, options ...string) *testServer {
	t.Helper()
	s := prepare(t)
	s.options = options
	s.restart()
	return s
}

// prepare returns a server that has not been started yet.
func prepare(t *testing.T) *testServer {
	t.Helper()
	debian.Program(t, "rabbitmq-server", binaries+"rabbitmq-server")
	s := &testServer{
		t: t, dir: t.TempDir(), amqp: testkit.FreeAddress(t), http: testkit.FreeAddress(t),
		epmd: port(testkit.FreeAddress(t)), dist: port(testkit.FreeAddress(t)),
	}
	s.write(".erlang.cookie", "impulse")
	s.write("plugins", "[rabbitmq_management,rabbitmq_auth_mechanism_ssl].\n")
	// Without an epmd of its own, the server would start one that outlives it.
	mapper := testkit.StartProgram(t, "epmd", debian.Program(t, "erlang-base", "/usr/bin/epmd"), "-address", "127.0.0.1", "-port", s.epmd)
	mapper.WaitListening("127.0.0.1:" + s.epmd)
	return s
}

// restart starts the server, or starts it again after it was killed, and waits until it answers.
func (s *testServer) restart() {
	s.t.Helper()
	s.write("rabbitmq.conf", strings.Join(append([]string{
		"listeners.tcp.1 = " + s.amqp, "management.tcp.ip = 127.0.0.1", "management.tcp.port = " + port(s.http),
		"default_user = admin", "default_pass = " + password, "loopback_users = none", "collect_statistics_interval = 1000",
		"disk_free_limit.absolute = 1MB", "log.console = true", "log.console.level = warning", "log.file = false",
	}, s.options...), "\n")+"\n")
	s.Process = debian.Start(s.t, "rabbitmq-server", account, "/usr/bin/env", s.environ(binaries+"rabbitmq-server")...)
	s.Eventually("it answers", func(ctx context.Context) bool {
		status, _, err := s.call(ctx, http.MethodGet, "/api/overview", nil)
		return err == nil && status == http.StatusOK
	})
	s.WaitListening(s.amqp) // The server opens this port last.
}

// environ returns the arguments of env for a program of the package.
func (s *testServer) environ(program string) []string {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	return []string{
		"HOME=" + s.dir, "ERL_EPMD_PORT=" + s.epmd, "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=rabbit@localhost", "RABBITMQ_DIST_PORT=" + s.dist,
		"RABBITMQ_CONF_ENV_FILE=" + in("none"), "RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"),
		"RABBITMQ_MNESIA_BASE=" + in("data"), "RABBITMQ_LOG_BASE=" + in("log"), "RABBITMQ_PID_FILE=" + in("pid"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"RUNNING_UNDER_SYSTEMD=true", // The script is then replaced by the server, which can be killed.
		program,
	}
}

// evaluate evaluates an expression in the server. It is one of Erlang.
func (s *testServer) evaluate(expression string) {
	s.t.Helper()
	tool := debian.Start(s.t, "rabbitmqctl", account, "/usr/bin/env", append(s.environ(binaries+"rabbitmqctl"), "eval", expression)...)
	if err := tool.Wait(); err != nil {
		s.t.Fatalf("rabbitmqctl: %v\n%s", err, tool.LogTail(4<<10))
	}
}

// write writes a file that the user of the server may read.
func (s *testServer) write(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	_ = os.Remove(path) // It may belong to the user of the server.
	if err := os.WriteFile(path, []byte(content), 0o400); err != nil {
		s.t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return path
	}
	found, err := user.Lookup(account)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := strconv.Atoi(found.Uid)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, owned := range []string{s.dir, path} {
		if err := os.Chown(owned, id, -1); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(s.dir), 0o711); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// call sends a request of the user admin to the management API.
func (s *testServer) call(ctx context.Context, method, path string, body any) (int, []byte, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.http+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	request.SetBasicAuth("admin", password)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// admin sends a request that must succeed.
func (s *testServer) admin(method, path string, body any) []byte {
	s.t.Helper()
	status, answer, err := s.call(s.t.Context(), method, path, body)
	if err != nil || status >= 300 {
		s.t.Fatalf("%s %s: got %d %s, %v", method, path, status, answer, err)
	}
	return answer
}

// channel returns a channel of the user admin to a virtual host. Its connection ends with the test.
func (s *testServer) channel(t *testing.T, vhost string) *amqp.Channel {
	t.Helper()
	channel, done := s.connect(t, vhost)
	t.Cleanup(done)
	return channel
}

// connect is like channel, with a function that ends the connection.
func (s *testServer) connect(t *testing.T, vhost string) (channel *amqp.Channel, done func()) {
	t.Helper()
	conn, err := amqp.Dial("amqp://admin:" + url.PathEscape(password) + "@" + s.amqp + "/" + url.PathEscape(vhost))
	if err != nil {
		t.Fatal(err)
	}
	if channel, err = conn.Channel(); err != nil {
		t.Fatal(err)
	}
	return channel, func() { _ = conn.Close() }
}

// fill makes the queue orders with three messages.
func fill(t *testing.T, s *testServer) {
	t.Helper()
	channel, done := s.connect(t, "/")
	defer done()
	declare(t, channel, "orders", "classic", 3)
}

// declare makes a durable queue of a type, and publishes messages to it. They are in the queue when declare returns.
func declare(t *testing.T, channel *amqp.Channel, name, kind string, messages int) {
	t.Helper()
	if _, err := channel.QueueDeclare(name, true, false, false, false, amqp.Table{"x-queue-type": kind}); err != nil {
		t.Fatal(err)
	}
	publish(t, channel, name, messages)
}

// publish publishes messages to a queue, and waits until they are there.
func publish(t *testing.T, channel *amqp.Channel, name string, messages int) {
	t.Helper()
	if err := channel.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for range messages {
		confirmation, err := channel.PublishWithDeferredConfirmWithContext(t.Context(), "", name, true, false, amqp.Publishing{Body: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := confirmation.WaitContext(t.Context()); err != nil || !ok {
			t.Fatalf("the message is not confirmed: %v", err)
		}
	}
}

// metadata returns the metadata of a trigger over AMQP, with changes given as keys and values in turn. An empty value removes a key.
func (s *testServer) metadata(changes ...string) map[string]string {
	m := map[string]string{"host": "amqp://" + s.amqp, "queueName": "orders"}
	for i := 0; i+1 < len(changes); i += 2 {
		m[changes[i]] = changes[i+1]
		if changes[i+1] == "" {
			delete(m, changes[i])
		}
	}
	return m
}

// overHTTP is like metadata for the management API. The timeout is long, because a busy server may need more than the default.
func (s *testServer) overHTTP(changes ...string) map[string]string {
	return s.metadata(append([]string{"host", "http://" + s.http, "timeout", "1m"}, changes...)...)
}

// admins returns the credentials of the user admin.
func admins() map[string]string { return map[string]string{"username": "admin", "password": password} }

// environment returns an Env with the given secrets, which may change.
func environment(secrets map[string]string) triggers.Env {
	return triggers.Env{
		Pool: triggers.NewPool(), Credentials: "test", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Secrets: triggertest.Secrets(secrets),
	}
}

// read runs a trigger until its first event, and returns that as text: the level, or the reason why it is unknown.
func read(t *testing.T, env triggers.Env, metadata map[string]string) string {
	t.Helper()
	env.PollingInterval = time.Hour
	return textOf(<-run(t, env, metadata))
}

// reading returns a function that reads for a trigger, and returns the outcome as text.
func reading(t *testing.T, env triggers.Env, metadata map[string]string) func(context.Context) string {
	t.Helper()
	c, err := decoded(t, metadata)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{config: c, env: env}
	t.Cleanup(r.close)
	return func(ctx context.Context) string {
		found, err := r.Read(ctx)
		if err != nil {
			return err.Error()
		}
		return textOf(c.event(found))
	}
}

// expect fails the test unless a text is the wanted level, or contains the wanted reason.
func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want && !strings.Contains(got, " "+want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// textOf returns an event as text.
func textOf(e scalers.Event) string {
	switch {
	case e.Err != nil && e.AtLeast:
		return fmt.Sprintf("at least %s: %v", e.Value, e.Err)
	case e.Err != nil:
		return e.Err.Error()
	case e.Activity == scalers.ActiveBySource:
		return e.Value.String() + ", active"
	}
	return e.Value.String()
}

// run runs a trigger until the test ends. The channel has its newest event.
func run(t *testing.T, env triggers.Env, metadata map[string]string) <-chan scalers.Event {
	t.Helper()
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	if env.Poller == nil {
		env.Poller = triggers.NewPoller(64, 64)
		testkit.Background(t, env.Poller.Run)
	}
	source, err := Kind().Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan scalers.Event, 1)
	testkit.Background(t, func(ctx context.Context) error {
		return source.Run(ctx, func(e scalers.Event) {
			select {
			case <-events:
			default:
			}
			events <- e
		})
	})
	return events
}

// port returns the port of an address.
func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
