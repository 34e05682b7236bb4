package testkit

import (
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// FreeAddress returns a loopback address with a port that nothing listens on, such as 127.0.0.1:12345.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	return FreeAddressOf(tb, "127.0.0.1")
}

// FreeAddressOf returns an address of ip with a port that nothing listens on. Nobody else gets the port before the test ends.
func FreeAddressOf(tb testing.TB, ip string) string {
	tb.Helper()
	address, err := process.FreeAddressOf(tb.Context(), ip)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { process.ReleaseAddress(address) })
	return address
}
