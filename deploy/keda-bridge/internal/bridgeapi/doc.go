// Package bridgeapi is the protocol between Impulse and impulse-keda-bridge. The module of the bridge has a copy of this package: it has
// KEDA's dependencies, whose versions differ from those of Impulse.
package bridgeapi

//go:generate go -C ../../../tools run ./protoc ../triggers/keda/bridgeapi/bridge.proto
//go:generate cp bridge.proto bridge.pb.go bridge_grpc.pb.go doc.go ../../../deploy/keda-bridge/internal/bridgeapi/
//go:generate cp ../bridgeaddr/bridgeaddr.go ../bridgeaddr/doc.go ../../../deploy/keda-bridge/internal/bridgeaddr/
