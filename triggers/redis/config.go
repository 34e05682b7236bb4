package redis

import (
	"errors"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Server is the part of the metadata that says how a server is reached. Its lists have more than one element only for a cluster or
// for Sentinels.
type Server struct {
	Address   []string `json:"address" doc:"HOST:PORT of the server, such as redis.shop:6379. For a cluster or Sentinels it may have several, separated by commas. Without it and host, the authenticationRef must have it."`
	Addresses []string `json:"addresses" doc:"Another name of address."`
	Host      []string `json:"host" doc:"Host of the server, with port, instead of address."`
	Hosts     []string `json:"hosts" doc:"Another name of host."`
	Port      []string `json:"port" doc:"Port of the server, with host; one for each host."`
	Ports     []string `json:"ports" doc:"Another name of port."`
	Username  string   `json:"username" doc:"User of Redis's access control lists, instead of the parameter username of the authenticationRef."`
	Password  string   `json:"password" doc:"Password that everybody who may read the object can read. Better is the parameter password of the authenticationRef."`
	EnableTLS bool     `json:"enableTLS" doc:"Connect with TLS."`
	UnsafeSSL bool     `json:"unsafeSsl" doc:"With TLS, accept any certificate."`
}

// Database is the part of the metadata that selects a database. A cluster has only one.
type Database struct {
	DatabaseIndex int `json:"databaseIndex" doc:"Number of the database."`
}

// Sentinels is the part of the metadata for Sentinels, whose addresses are those of Server.
type Sentinels struct {
	SentinelMaster   string `json:"sentinelMaster" doc:"Name of the master, as the Sentinels call it. Without it, the authenticationRef must have it."`
	SentinelUsername string `json:"sentinelUsername" doc:"User for the Sentinels, instead of the parameter sentinelUsername of the authenticationRef."`
	SentinelPassword string `json:"sentinelPassword" doc:"Password for the Sentinels that everybody who may read the object can read. Better is the parameter sentinelPassword of the authenticationRef."`
}

// List is the part of the metadata that counts the elements of a key.
type List struct {
	ListName             string        `json:"listName" required:"true" doc:"Key of a list, set, sorted set or hash. A missing key has no elements."`
	ListLength           scalers.Milli `json:"listLength" doc:"Target number of elements: per replica (metricType AverageValue, the default), or in total (Value)."`
	ActivationListLength scalers.Milli `json:"activationListLength" doc:"The trigger is active above this number of elements. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
}

// Stream is the part of the metadata that counts the entries of a stream.
type Stream struct {
	Stream              string        `json:"stream" required:"true" doc:"Key of the stream, which must exist."`
	ConsumerGroup       string        `json:"consumerGroup" doc:"Consumer group whose entries count. Without it, all entries of the stream count."`
	LagCount            scalers.Milli `json:"lagCount" doc:"Target number of entries that are not delivered to the consumerGroup yet: per replica (metricType AverageValue, the default), or in total (Value). It needs Redis 7 or later."`
	PendingEntriesCount scalers.Milli `json:"pendingEntriesCount" doc:"Target number of entries that are delivered to the consumerGroup and not acknowledged: per replica (metricType AverageValue, the default), or in total (Value). It is not used with lagCount or without consumerGroup."`
	StreamLength        scalers.Milli `json:"streamLength" doc:"Target number of entries of the stream: per replica (metricType AverageValue, the default), or in total (Value). It is not used with consumerGroup."`
	ActivationLagCount  scalers.Milli `json:"activationLagCount" doc:"The trigger is active above this number of entries, whichever entries are counted. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
}

// defaultList and defaultStream have KEDA's defaults.
func defaultList() List     { return List{ListLength: 5000} }
func defaultStream() Stream { return Stream{PendingEntriesCount: 5000, StreamLength: 5000} }

// Trigger divides the number of elements by the target.
func (l List) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: l.ListLength, Activation: l.ActivationListLength}
}

func (l List) query() query { return &listQuery{name: l.ListName} }

func (l List) check() error { return positive("listLength", l.ListLength) }

// Trigger divides the number of entries that count by their target.
func (s Stream) Trigger() scalers.Trigger {
	target := s.StreamLength
	switch {
	case s.ConsumerGroup != "" && s.LagCount != 0:
		target = s.LagCount
	case s.ConsumerGroup != "":
		target = s.PendingEntriesCount
	}
	return scalers.Trigger{Target: target, Activation: s.ActivationLagCount}
}

func (s Stream) query() query {
	switch {
	case s.ConsumerGroup == "":
		return lengthQuery{stream: s.Stream}
	case s.LagCount == 0:
		return pendingQuery{stream: s.Stream, group: s.ConsumerGroup}
	}
	return lagQuery{stream: s.Stream, group: s.ConsumerGroup}
}

func (s Stream) check() error {
	if s.LagCount != 0 && s.ConsumerGroup == "" {
		return invalid("lagCount", "needs consumerGroup", "without a group, all entries count: set streamLength")
	}
	var lag error
	if s.LagCount < 0 {
		lag = invalid("lagCount", "must not be below 0", "")
	}
	return errors.Join(lag, positive("pendingEntriesCount", s.PendingEntriesCount), positive("streamLength", s.StreamLength))
}

func (d Database) check() error {
	if d.DatabaseIndex < 0 {
		return invalid("databaseIndex", "must not be below 0", "")
	}
	return nil
}

// Servers returns the servers that receive the credentials; none if their addresses are credentials themselves.
func (s Server) Servers() []string {
	servers, _ := s.places().servers()
	return servers
}

func (s Server) places() places {
	return places{s.Address, s.Addresses, s.Host, s.Hosts, s.Port, s.Ports}
}

func (s Server) check(several bool) error {
	servers, err := s.places().servers()
	if err == nil && len(servers) > 1 && !several {
		err = invalid(s.places().key(), "has several servers", "write one, or use redis-cluster or redis-sentinel")
	}
	return err
}

func positive(field string, value scalers.Milli) error {
	if value <= 0 {
		return invalid(field, "must be above 0", "")
	}
	return nil
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
