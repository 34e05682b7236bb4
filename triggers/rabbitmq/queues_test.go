package rabbitmq

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
)

func TestQueues(t *testing.T) {
	s := start(t)
	t.Run("over AMQP only ready messages count, over http also unacknowledged ones", s.testOnlyReadyMessagesCountOverAMQP)
	t.Run("all stored messages of a stream count, read or not", s.testAllStoredMessagesOfStreamCount)
	t.Run("a queue may have any name, in any virtual host", s.testQueueMayHaveAnyName)
	t.Run("a quorum queue without a leader is not empty", s.testQuorumQueueWithoutLeaderIsNotEmpty)
	t.Run("several queues are aggregated", s.testSeveralQueuesAreAggregated)
	t.Run("rates are those of the server", s.testRatesAreThoseOfServer)
	t.Run("a queue without statistics is unknown", testQueueWithoutStatisticsIsUnknown)
	t.Run("a server that computes no rates makes rates unknown", testServerThatComputesNoRatesMakesRatesUnknown)
}

// awaitLevel waits until the server answers with a level. The management API has it later than the queue.
func (s *testServer) awaitLevel(t *testing.T, metadata map[string]string, want string) {
	t.Helper()
	until(t, reading(t, environment(admins()), metadata), want)
}

func (s *testServer) testOnlyReadyMessagesCountOverAMQP(t *testing.T) {
	channel := s.channel(t, "/")
	for _, kind := range []string{"classic", "quorum"} {
		declare(t, channel, kind, kind, 5)
		for range 2 {
			if _, ok, err := channel.Get(kind, false); err != nil || !ok {
				t.Fatalf("%s: got no message: %v", kind, err)
			}
		}
		s.awaitLevel(t, s.metadata("queueName", kind), "3") // A busy server may answer 0 before the leader of a quorum queue does.
		s.awaitLevel(t, s.overHTTP("queueName", kind), "5")
		s.awaitLevel(t, s.overHTTP("queueName", kind, "excludeUnacknowledged", "true"), "3")
	}
}

func (s *testServer) testAllStoredMessagesOfStreamCount(t *testing.T) {
	channel := s.channel(t, "/")
	declare(t, channel, "stream", "stream", 4)
	if err := channel.Qos(10, 0, false); err != nil {
		t.Fatal(err)
	}
	messages, err := channel.ConsumeWithContext(t.Context(), "stream", "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := (<-messages).Ack(false); err != nil {
			t.Fatal(err)
		}
	}
	s.awaitLevel(t, s.metadata("queueName", "stream"), "4")
	s.awaitLevel(t, s.overHTTP("queueName", "stream"), "4")
}

func (s *testServer) testQueueMayHaveAnyName(t *testing.T) {
	const vhost, name = "a/b c+%2f", "orders?/ä +%41#"
	s.admin("PUT", "/api/vhosts/a%2Fb%20c+%252f", nil)
	channel := s.channel(t, vhost)
	declare(t, channel, name, "classic", 2)
	if got := read(t, environment(admins()), s.metadata("queueName", name, "vhostName", vhost)); got != "2" {
		t.Errorf("over AMQP: got %s, want 2", got)
	}
	s.awaitLevel(t, s.overHTTP("queueName", name, "host", "http://"+s.http+"/a%2Fb%20c+%252f"), "2")
	s.awaitLevel(t, s.overHTTP("queueName", name, "vhostName", vhost), "2")
}

func (s *testServer) testQuorumQueueWithoutLeaderIsNotEmpty(t *testing.T) {
	channel := s.channel(t, "/")
	declare(t, channel, "leaderless", "quorum", 3)
	next := reading(t, environment(admins()), s.metadata("queueName", "leaderless"))
	until(t, next, "3")
	s.evaluate("sys:suspend(whereis('%2F_leaderless')).")
	expect(t, next(t.Context()), errUnconfirmed.Error())
	if q, err := channel.QueueDeclarePassive("leaderless", true, false, false, false, nil); err != nil || q.Messages != 0 || q.Consumers != 0 {
		t.Errorf("the server answers %+v, %v, want neither messages nor consumers", q, err)
	}
	s.evaluate("sys:resume(whereis('%2F_leaderless')).")
	until(t, next, "3")
}

func (s *testServer) testSeveralQueuesAreAggregated(t *testing.T) {
	s.admin("PUT", "/api/vhosts/several", nil)
	channel := s.channel(t, "several")
	for i, name := range []string{"a-orders", "b-orders", "c-orders", "orders-d"} {
		declare(t, channel, name, "classic", i+1)
	}
	metadata := func(changes ...string) map[string]string {
		return s.overHTTP(append([]string{"vhostName", "several", "queueName", "-orders$", "useRegex", "true"}, changes...)...)
	}
	s.awaitLevel(t, metadata(), "6")
	for operation, want := range map[string]string{sumOperation: "6", avgOperation: "2", maxOperation: "3"} {
		if got := read(t, environment(admins()), metadata("operation", operation)); got != want {
			t.Errorf("%s: got %s, want %s", operation, got, want)
		}
	}
	for _, c := range []struct{ queueName, pageSize, want string }{
		{"nothing", "100", "0"},
		{"-orders$", "3", "6"},
		{"-orders$", "1000000", "6"},
		{"-orders$", "2", "read the queues that match -orders$ at " + s.http + ": 3 queues match, and pageSize is 2: raise it (500 at most), or match fewer"},
		{"(", "100", "read the queues that match ( at " + s.http + ": the server refuses the request: Pagination parameters are invalid (400)"},
	} {
		if got := read(t, environment(admins()), metadata("queueName", c.queueName, "pageSize", c.pageSize)); got != c.want {
			t.Errorf("%s with %s: got %s, want %s", c.queueName, c.pageSize, got, c.want)
		}
	}
}

func (s *testServer) testRatesAreThoseOfServer(t *testing.T) {
	channel := s.channel(t, "/")
	declare(t, channel, "rates", "classic", 0)
	s.awaitLevel(t, s.overHTTP("queueName", "rates"), "0")
	for mode, want := range map[string]string{messageRate: "0", deliverGetRate: "0", publishedRatio: "0", consumptionTime: "0"} {
		if got := read(t, environment(admins()), s.overHTTP("queueName", "rates", "mode", mode, "value", "1")); got != want {
			t.Errorf("%s of a new queue: got %s, want %s", mode, got, want)
		}
	}
	// Two messages are published for each one that is delivered.
	testkit.Background(t, func(ctx context.Context) error {
		for ctx.Err() == nil {
			for range 2 {
				_ = channel.PublishWithContext(ctx, "", "rates", false, false, amqp.Publishing{})
			}
			_, _, _ = channel.Get("rates", true)
		}
		return nil
	})
	env := environment(admins())
	env.PollingInterval, env.Poller = time.Second, triggers.NewPoller(64, 64)
	testkit.Background(t, env.Poller.Run)
	positive := func(mode string) {
		events, deadline := run(t, env, s.overHTTP("queueName", "rates", "mode", mode, "value", "1")), time.After(testkit.Timeout)
		for {
			select {
			case e := <-events:
				if e.Err == nil && e.Value > 0 {
					return
				}
			case <-deadline:
				t.Fatalf("%s: no level above 0", mode)
			}
		}
	}
	for _, mode := range rates() {
		positive(mode)
	}
}

func testQueueWithoutStatisticsIsUnknown(t *testing.T) {
	s := start(t, "management_agent.disable_metrics_collector = true")
	fill(t, s)
	for _, mode := range append(rates(), queueLength) {
		want := "read queue orders at " + s.http + ": " + errNoCount.Error()
		if got := read(t, environment(admins()), s.overHTTP("mode", mode, "value", "1")); got != want {
			t.Errorf("%s: got %s, want %s", mode, got, want)
		}
	}
}

func testServerThatComputesNoRatesMakesRatesUnknown(t *testing.T) {
	s := start(t, "management.rates_mode = none")
	fill(t, s)
	s.awaitLevel(t, s.overHTTP(), "3")
	for _, mode := range rates() {
		want := "read queue orders at " + s.http + ": " + errNoRate.Error()
		if got := read(t, environment(admins()), s.overHTTP("mode", mode, "value", "1")); got != want {
			t.Errorf("%s: got %s, want %s", mode, got, want)
		}
	}
}
