// Package sources has the tests of the bridge against real servers and emulators.
package sources
