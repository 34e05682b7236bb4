package bridgeaddr

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// Requirement describes what has to run besides Impulse.
const Requirement = "start impulse-keda-bridge beside Impulse and set impulse run --keda-bridge"

// Address is where a bridge listens: a Unix socket or a port of this machine. Credentials pass through it, so it is never another machine.
type Address struct {
	// Network is unix or tcp.
	Network string
	// Path is the path of the socket, or HOST:PORT.
	Path string
}

// Parse parses unix:///PATH or IP:PORT, whose IP is a loopback address.
func Parse(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix://"); ok {
		if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
			return Address{}, fmt.Errorf("%q is not unix:// and the absolute path of a socket, such as unix:///run/impulse/keda-bridge.sock", text)
		}
		return Address{"unix", path}, nil
	}
	address, err := netip.ParseAddrPort(text)
	if err != nil {
		return Address{}, fmt.Errorf("%q is neither unix:///PATH nor IP:PORT of this machine, such as 127.0.0.1:9666", text)
	}
	if !address.Addr().IsLoopback() {
		return Address{}, fmt.Errorf("%q is not a loopback address: credentials pass unencrypted, so the bridge runs in the Pod of Impulse", text)
	}
	return Address{"tcp", address.String()}, nil
}

// String returns the address as Parse parses it.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix://" + a.Path
	}
	return a.Path
}
