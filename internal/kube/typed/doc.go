// Package typed makes clients of the API groups of Kubernetes that Impulse uses.
//
// The typed clients of client-go link the types of every group of Kubernetes, with their codecs: 8 MB of the binary, for types that
// Impulse never sees. This package builds the same clients, with client-go's generic ones, on a scheme of a few groups. test/house fails when
// a package of the binary imports client-go's typed clients or their scheme.
package typed
