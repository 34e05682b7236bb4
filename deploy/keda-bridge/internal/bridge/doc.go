// Package bridge serves the protocol of bridgeapi with KEDA's scalers.
package bridge
