// Package bridgeaddr parses the address of impulse-keda-bridge. Like bridgeapi, it is copied to the module of the bridge.
package bridgeaddr
