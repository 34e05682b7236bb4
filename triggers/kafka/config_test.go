package kafka

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

func TestConfig(t *testing.T) {
	t.Run("the defaults are KEDA's", testDefaultsAreKEDAs)
	t.Run("every mistake is reported with its field", testEveryMistakeIsReportedWithItsField)
	t.Run("what only one of the kinds refuses is accepted by the other", testWhatOnlyOneOfTheKindsRefuses)
	t.Run("servers get the port of Kafka", testServersGetPortOfKafka)
}

func kindOf(name string) triggers.Kind {
	if name == "kafka" {
		return Kafka()
	}
	return Apache()
}

func testDefaultsAreKEDAs(t *testing.T) {
	for _, kind := range []triggers.Kind{Kafka(), Apache()} {
		decoded, err := kind.Decode(map[string]string{"bootstrapServers": "a:1", "consumerGroup": "g"})
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded.Trigger(); got.Target != 10_000 || got.Activation != 0 {
			t.Errorf("%s: got the target %s and the activation value %s, want 10 and 0", kind.Name, got.Target, got.Activation)
		}
		c, ok := decoded.(config)
		if !ok {
			t.Fatalf("the config of %s is a %T", kind.Name, decoded)
		}
		if _, g := c.query(); g.OffsetResetPolicy != "latest" {
			t.Errorf("%s: got the policy %s, want latest", kind.Name, g.OffsetResetPolicy)
		}
	}
}

func testEveryMistakeIsReportedWithItsField(t *testing.T) {
	for _, c := range []struct{ kind, pairs, field, problem string }{
		{"kafka", "bootstrapServers=http://a:1", "bootstrapServers", "is not HOST:PORT"},
		{"kafka", "bootstrapServers=a:0", "bootstrapServers", "is not HOST:PORT"},
		{"kafka", "bootstrapServers=a:1/b", "bootstrapServers", "is not HOST:PORT"},
		{"kafka", "lagThreshold=0", "lagThreshold", "must be above 0"},
		{"kafka", "activationLagThreshold=-1", "activationLagThreshold", "must not be below 0"},
		{"kafka", "offsetResetPolicy=none", "offsetResetPolicy", `"none" is not supported`},
		{"kafka", "partitionLimitation=1-", "partitionLimitation", `"1-" is neither`},
		{"apache-kafka", "partitionLimitation=3-1", "partitionLimitation", "ends before it begins"},
		{"kafka", "topic=a_space_b", "topic", "is not a name of a topic"},
		{"kafka", "topic=a,b", "topic", "has several topics"},
		{"apache-kafka", "topic=a,b/c", "topic", `"b/c" is not a name of a topic`},
		{"kafka", "allowIdleConsumers=true limitToPartitionsWithLag=true topic=a", "limitToPartitionsWithLag", "cannot be combined with allowIdleConsumers"},
		{"apache-kafka", "limitToPartitionsWithLag=true", "limitToPartitionsWithLag", "needs topic"},
		{"kafka", "ensureEvenDistributionOfPartitions=true", "ensureEvenDistributionOfPartitions", "needs topic"},
		{"kafka", "ensureEvenDistributionOfPartitions=true limitToPartitionsWithLag=true topic=a", "ensureEvenDistributionOfPartitions", "cannot be combined"},
		{"kafka", "sasl=aws_msk_iam", "sasl", "only the type apache-kafka has"},
		{"kafka", "sasl=PLAIN", "sasl", "is not supported"},
		{"apache-kafka", "sasl=aws_msk_iam", "awsRegion", "is missing"},
		{"apache-kafka", "sasl=gssapi", "sasl", "only the type kafka has"},
		{"apache-kafka", "sasl=oauthbearer", "sasl", "only the type kafka has"},
		{"kafka", "sasl=oauthbearer saslTokenProvider=aws_msk_iam", "awsRegion", "is missing"},
		{"kafka", "sasl=oauthbearer saslTokenProvider=aws", "saslTokenProvider", "is neither bearer nor aws_msk_iam"},
		{"apache-kafka", "identityOwner=me", "identityOwner", "is neither pod nor operator"},
		{"kafka", "tls=true", "tls", "is neither enable nor disable"},
	} {
		metadata := map[string]string{"bootstrapServers": "a:1", "consumerGroup": "g"}
		for pair := range strings.SplitSeq(c.pairs, " ") {
			key, value, _ := strings.Cut(pair, "=")
			metadata[key] = strings.ReplaceAll(value, "_space_", " ")
		}
		_, err := kindOf(c.kind).Decode(metadata)
		all := triggers.FieldErrors(err)
		if !slices.ContainsFunc(all, func(e *triggers.FieldError) bool { return e.Field == c.field && strings.Contains(e.Problem, c.problem) }) {
			t.Errorf("%s, %s: got %v, want the problem %q of %s", c.kind, c.pairs, err, c.problem, c.field)
		}
	}
}

func testWhatOnlyOneOfTheKindsRefuses(t *testing.T) {
	base := map[string]string{"bootstrapServers": "a:1,b", "consumerGroup": "g"}
	for kind, more := range map[string]map[string]string{
		"kafka":        {"sasl": "oauthbearer", "version": "1.0.0", "unsafeSsl": "true", "tls": "enable", "saslTokenProvider": "bearer"},
		"apache-kafka": {"topic": "a, b", "ensureEvenDistributionOfPartitions": "true", "limitToPartitionsWithLag": "true"},
	} {
		metadata := maps.Clone(base)
		maps.Copy(metadata, more)
		if _, err := kindOf(kind).Decode(metadata); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func testServersGetPortOfKafka(t *testing.T) {
	s := Server{BootstrapServers: []string{"a", "b:1", "[::1]:2", "[::1]"}}
	if got, want := s.Servers(), []string{"a:9092", "b:1", "[::1]:2", "[::1]:9092"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
