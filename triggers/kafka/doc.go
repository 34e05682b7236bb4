// Package kafka has the trigger kinds kafka and apache-kafka: their level is the lag of a consumer group of Apache Kafka, the number of
// offsets that it has not committed yet. The two differ in a few parameters, as KEDA's do. They only read: they join no group, and create,
// consume and commit nothing.
//
// A group is read once per pollingInterval. Triggers with the same brokers, settings and credentials share one client. Those that also have
// the same group, topics, partitionLimitation and pollingInterval share one reading.
package kafka
