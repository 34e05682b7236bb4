package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Server is the part of the metadata that says how the brokers are reached.
type Server struct {
	BootstrapServers []string `json:"bootstrapServers" required:"true" doc:"HOST:PORT of one or more brokers, such as kafka.shop:9092, separated by commas. They name the other brokers of the cluster."`
	SASL             string   `json:"sasl" doc:"How to log in: none, plaintext, scram_sha256 or scram_sha512; for the type kafka also oauthbearer and gssapi (Kerberos), for apache-kafka aws_msk_iam. The last two work only through the KEDA bridge. It may be in the authenticationRef instead. Without it, there is no login."`
	TLS              string   `json:"tls" doc:"enable or disable. It may be in the authenticationRef instead. Without it, TLS is disabled."`
}

// Group is the part of the metadata that says which lag counts, and how.
type Group struct {
	ConsumerGroup                      string        `json:"consumerGroup" required:"true" doc:"The consumer group, as its consumers call it."`
	LagThreshold                       scalers.Milli `json:"lagThreshold" doc:"Target lag in messages: per replica (metricType AverageValue, the default), or in total (Value)."`
	ActivationLagThreshold             scalers.Milli `json:"activationLagThreshold" doc:"The trigger is active above this lag, in messages. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
	OffsetResetPolicy                  string        `json:"offsetResetPolicy" doc:"Where the consumers start in a partition without a valid committed offset (their auto.offset.reset): latest or earliest."`
	ScaleToZeroOnInvalidOffset         bool          `json:"scaleToZeroOnInvalidOffset" doc:"Count a partition without a valid committed offset as 0, whatever waits there."`
	PartitionLimitation                []string      `json:"partitionLimitation" doc:"The partitions that count, such as 1,2,10-12. Without it, all count. It has no effect without topic."`
	AllowIdleConsumers                 bool          `json:"allowIdleConsumers" doc:"Count all lag, even if that asks for more replicas than there are partitions to consume."`
	LimitToPartitionsWithLag           bool          `json:"limitToPartitionsWithLag" doc:"Ask for at most one replica per partition with lag instead of one per partition."`
	EnsureEvenDistributionOfPartitions bool          `json:"ensureEvenDistributionOfPartitions" doc:"Ask for a number of replicas that divides the number of partitions, so that each replica gets the same number of partitions."`
	ExcludePersistentLag               bool          `json:"excludePersistentLag" doc:"Do not count the lag of a partition whose committed offset is the same as at the reading before: nobody seems able to consume it. It keeps the trigger active nevertheless."`
}

// kafkaConfig is the metadata of a kafka trigger.
type kafkaConfig struct {
	Server
	Group
	Bridged

	Topic             string `json:"topic" doc:"The topic. Without it, all topics count in which the group has committed an offset."`
	UnsafeSSL         bool   `json:"unsafeSsl" doc:"With TLS, accept any certificate."`
	SASLTokenProvider string `json:"saslTokenProvider" doc:"Where the token for oauthbearer comes from: bearer, from oauthTokenEndpointUri of the authenticationRef, or, through the KEDA bridge, aws_msk_iam."`
	Version           string `json:"version" doc:"It has no effect, and is accepted because KEDA needs it: the version of the protocol is negotiated with each broker."`
}

// apacheConfig is the metadata of an apache-kafka trigger.
type apacheConfig struct {
	Server
	Group
	Bridged

	Topic []string `json:"topic" doc:"The topics, separated by commas. Without them, all topics count in which the group has committed an offset."`
}

const (
	policyLatest   = "latest"
	policyEarliest = "earliest"
)

// defaultGroup has KEDA's defaults.
func defaultGroup() Group { return Group{LagThreshold: 10_000, OffsetResetPolicy: policyLatest} }

// Trigger divides the lag by the target.
func (g Group) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: g.LagThreshold, Activation: g.ActivationLagThreshold}
}

// Servers returns the brokers in the metadata. They name the other brokers that receive the credentials.
func (s Server) Servers() []string {
	servers := make([]string, len(s.BootstrapServers))
	for i, server := range s.BootstrapServers {
		servers[i] = withPort(server)
	}
	return servers
}

// withPort returns a broker with its port, which is 9092 by default.
func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), "9092")
}

// Validate returns all mistakes.
func (c kafkaConfig) Validate() error {
	topics := []string{}
	if c.Topic != "" {
		topics = []string{c.Topic}
	}
	all := []error{c.Server.check(ofKafka), c.Group.check(topics), c.Bridged.check(c.SASL == mechanismToken && c.SASLTokenProvider == providerAWS)}
	if strings.Contains(c.Topic, ",") {
		all = append(all, invalid("topic", "has several topics", "use apache-kafka, or one trigger for each topic"))
	}
	if c.LimitToPartitionsWithLag && c.EnsureEvenDistributionOfPartitions {
		all = append(all, invalid("ensureEvenDistributionOfPartitions", "cannot be combined with limitToPartitionsWithLag", ""))
	}
	if c.EnsureEvenDistributionOfPartitions && c.Topic == "" {
		all = append(all, invalid("ensureEvenDistributionOfPartitions", "needs topic", ""))
	}
	if problem := checkProvider(c.SASLTokenProvider); problem != "" {
		all = append(all, invalid("saslTokenProvider", problem, ""))
	}
	return errors.Join(all...)
}

// Validate returns all mistakes.
func (c apacheConfig) Validate() error {
	return errors.Join(c.Server.check(ofApache), c.Group.check(c.Topic), c.Bridged.check(c.SASL == mechanismAWS))
}

func (c kafkaConfig) settings() settings {
	return settings{server: c.Server, unsafe: c.UnsafeSSL, provider: c.SASLTokenProvider, mechanisms: ofKafka}
}

func (c apacheConfig) settings() settings {
	return settings{server: c.Server, mechanisms: ofApache}
}

func (c kafkaConfig) query() (query, Group) {
	if c.Topic == "" {
		return newQuery(c.Group), c.Group
	}
	return newQuery(c.Group, c.Topic), c.Group
}

func (c apacheConfig) query() (query, Group) { return newQuery(c.Group, c.Topic...), c.Group }

func (s Server) check(m mechanisms) error {
	var all []error
	for _, server := range s.BootstrapServers {
		if !isServer(server) {
			all = append(all, invalid("bootstrapServers", fmt.Sprintf("%q is not HOST:PORT", server), "write kafka.shop:9092, without a scheme or a path"))
		}
	}
	if problem := m.problem(s.SASL); problem != "" {
		all = append(all, invalid("sasl", problem, "write "+strings.Join(m.all(), ", ")))
	}
	if _, err := switchedOn(s.TLS); err != nil {
		all = append(all, invalid("tls", err.Error(), ""))
	}
	return errors.Join(all...)
}

// isServer reports whether text is a host with or without a port.
func isServer(text string) bool {
	host, port, err := net.SplitHostPort(withPort(text))
	n, notNumber := strconv.ParseUint(port, 10, 16)
	return err == nil && host != "" && notNumber == nil && n > 0 && !strings.ContainsAny(host, "/@?# \t\r\n")
}

func (g Group) check(topics []string) error {
	var all []error
	if g.LagThreshold <= 0 {
		all = append(all, invalid("lagThreshold", "must be above 0", ""))
	}
	if g.ActivationLagThreshold < 0 {
		all = append(all, invalid("activationLagThreshold", "must not be below 0", ""))
	}
	if g.OffsetResetPolicy != policyLatest && g.OffsetResetPolicy != policyEarliest {
		all = append(all, invalid("offsetResetPolicy", fmt.Sprintf("%q is not supported", g.OffsetResetPolicy), "write latest or earliest"))
	}
	if _, err := parseLimitation(g.PartitionLimitation); err != nil {
		all = append(all, invalid("partitionLimitation", err.Error(), "write numbers and ranges such as 1,2,10-12"))
	}
	if g.LimitToPartitionsWithLag && g.AllowIdleConsumers {
		all = append(all, invalid("limitToPartitionsWithLag", "cannot be combined with allowIdleConsumers", ""))
	}
	if g.LimitToPartitionsWithLag && len(topics) == 0 {
		all = append(all, invalid("limitToPartitionsWithLag", "needs topic", ""))
	}
	if i := slices.IndexFunc(topics, func(name string) bool { return !isTopic(name) }); i >= 0 && !strings.Contains(topics[i], ",") {
		all = append(all, invalid("topic", fmt.Sprintf("%q is not a name of a topic", topics[i]), "names have letters, digits, '.', '_' and '-'"))
	}
	return errors.Join(all...)
}

// topicCharacters are those that Kafka allows in the name of a topic.
const topicCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

// isTopic reports whether Kafka allows a name for a topic.
func isTopic(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 249 && strings.Trim(name, topicCharacters) == ""
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
