// Package external has the trigger kinds external and external-push: a server of the user measures the level and speaks KEDA's protocol for
// external scalers, which is gRPC.
//
// Both kinds read the server's metrics with their targets and whether there is work, once per pollingInterval. external-push also reads
// them as soon as the server streams a change. All triggers with the same address, TLS settings and credentials share one connection.
package external
