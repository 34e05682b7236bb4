package process

import (
	"net"
	"testing"
)

func TestFreeAddress(t *testing.T) {
	t.Run("a chosen port is not chosen again before its release", testChosenPortIsNotChosenAgainBeforeItsRelease)
}

func testChosenPortIsNotChosenAgainBeforeItsRelease(t *testing.T) {
	address, err := FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if lock, err := lockPort(port); err == nil {
		t.Errorf("port %s was chosen twice; want an error", port)
		_ = lock.Close()
	}
	ReleaseAddress(address)
	lock, err := lockPort(port)
	if err != nil {
		t.Fatalf("after its release, port %s cannot be chosen: %v", port, err)
	}
	_ = lock.Close()
}
