package rabbitmq

import (
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("the target has KEDA's default and KEDA's old form", testTargetHasDefaultAndOldForm)
	t.Run("what KEDA accepts is accepted", testWhatKEDAAcceptsIsAccepted)
	t.Run("the server is that in the metadata, without credentials", testServerIsThatInMetadata)
}

// decoded decodes metadata in addition to the name of a queue.
func decoded(t *testing.T, metadata map[string]string) (Config, error) {
	t.Helper()
	if _, ok := metadata["queueName"]; !ok {
		metadata["queueName"] = "orders"
	}
	c, err := Kind().Decode(metadata)
	if err != nil {
		return Config{}, err
	}
	config, ok := c.(Config)
	if !ok {
		t.Fatalf("the config is a %T", c)
	}
	return config, nil
}

func testMistakeNamesItsField(t *testing.T) {
	for _, c := range []struct {
		field, want string
		metadata    map[string]string
	}{
		{"queueName", "is empty", map[string]string{"queueName": ""}},
		{"host", "does not begin with amqp://", map[string]string{"host": "rabbitmq.shop"}},
		{"host", "has no name of a host", map[string]string{"host": "amqp:///shop"}},
		{"protocol", `"tcp" is not supported`, map[string]string{"protocol": "tcp"}},
		{"protocol", "is http, but the host is one of amqp", map[string]string{"protocol": "http", "host": "amqp://h"}},
		{"mode", "is required with value", map[string]string{"value": "5"}},
		{"mode", `"Length" is not supported`, map[string]string{"mode": "Length", "value": "5"}},
		{"mode", "needs the management API", map[string]string{"mode": "MessageRate", "value": "5", "host": "amqps://h"}},
		{"mode", "needs the management API", map[string]string{"mode": "DeliverGetRate", "value": "5", "protocol": "amqp"}},
		{"useRegex", "needs the management API", map[string]string{"useRegex": "true", "host": "amqp://h"}},
		{"value", "is required with mode", map[string]string{"mode": "QueueLength"}},
		{"value", "must be above 0", map[string]string{"mode": "QueueLength", "value": "-1"}},
		{"queueLength", "is the old form of mode and value", map[string]string{"queueLength": "5", "value": "5"}},
		{"queueLength", "is the old form of mode and value", map[string]string{"queueLength": "5", "mode": "QueueLength"}},
		{"queueLength", "must be above 0", map[string]string{"queueLength": "-5"}},
		{"operation", `"min" is not supported`, map[string]string{"operation": "min"}},
		{"pageSize", "must be above 0", map[string]string{"pageSize": "0"}},
		{"timeout", "must not be below 0", map[string]string{"timeout": "-1"}},
	} {
		_, err := decoded(t, c.metadata)
		all := triggers.FieldErrors(err)
		if len(all) != 1 || all[0].Field != c.field || !strings.Contains(all[0].Problem, c.want) {
			t.Errorf("%v: got %v, want one mistake of %s with %q", c.metadata, err, c.field, c.want)
		}
	}
}

func testTargetHasDefaultAndOldForm(t *testing.T) {
	for _, c := range []struct {
		metadata map[string]string
		want     scalers.Trigger
	}{
		{map[string]string{}, scalers.Trigger{Target: 20_000}},
		{map[string]string{"queueLength": "5", "activationValue": "2.5"}, scalers.Trigger{Target: 5000, Activation: 2500}},
		{map[string]string{"mode": "QueueLength", "value": "0.5"}, scalers.Trigger{Target: 500}},
		{map[string]string{"mode": "MessageRate", "value": "100.5"}, scalers.Trigger{Target: 100_500}},
	} {
		config, err := decoded(t, c.metadata)
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Trigger(); got.Target != c.want.Target || got.Activation != c.want.Activation {
			t.Errorf("%v: got the target %s and the activation value %s, want %s and %s",
				c.metadata, got.Target, got.Activation, c.want.Target, c.want.Activation)
		}
	}
}

func testWhatKEDAAcceptsIsAccepted(t *testing.T) {
	for _, metadata := range []map[string]string{
		{"protocol": "amqp", "mode": "QueueLength", "value": "20"},
		{"protocol": "http", "mode": "MessageRate", "value": "100", "useRegex": "true", "operation": "max", "pageSize": "1000", "vhostName": "shop"},
		{"host": "amqp://guest:p%40ss@localhost:5672/vhost", "queueLength": "5"},
		{"host": "http://guest:pass@localhost:15672/a/b%2Fc", "protocol": "http", "excludeUnacknowledged": "true", "timeout": "1000"},
		{"host": "amqps://h/%2f?heartbeat=10", "protocol": "amqp", "unsafeSsl": "true", "excludeUnacknowledged": "false"},
		{"mode": "PublishedToDeliveredRatio", "value": "1", "host": "https://h"},
		{"mode": "ExpectedQueueConsumptionTime", "value": "60"},
	} {
		if _, err := decoded(t, metadata); err != nil {
			t.Errorf("%v: got %v, want no mistake", metadata, err)
		}
	}
	if _, err := Kind().Decode(Kind().Example); err != nil {
		t.Errorf("the example: got %v, want no mistake", err)
	}
}

func testServerIsThatInMetadata(t *testing.T) {
	for host, want := range map[string][]string{
		"": nil, "nonsense": nil, "amqp://u:secret@a/v": {"a:5672"}, "amqps://a": {"a:5671"}, "http://a/v": {"a:80"}, "https://[::1]:1/v": {"[::1]:1"},
	} {
		if got := (Config{Host: host}).Servers(); !slices.Equal(got, want) {
			t.Errorf("host %s: got %q, want %q", host, got, want)
		}
	}
}
