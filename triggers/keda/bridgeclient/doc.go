// Package bridgeclient connects to impulse-keda-bridge.
package bridgeclient
