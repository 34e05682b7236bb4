package external

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of both kinds.
type Config struct {
	ScalerAddress string            `json:"scalerAddress" required:"true" doc:"HOST:PORT of the server, such as queue-scaler.shop:6000. Without a port it is 443."`
	EnableTLS     bool              `json:"enableTLS" doc:"Use TLS. It is also used if the authenticationRef has caCert or tlsClientCert."`
	UnsafeSSL     bool              `json:"unsafeSsl" doc:"Accept any certificate."`
	Metadata      map[string]string `json:"*" doc:"Any other key is a parameter that the server interprets."`
}

// defaultPort is the port of an address without one, as in gRPC.
const defaultPort = "443"

// schemes are the ways to write a plain address for gRPC.
var schemes = []string{"dns:///", "passthrough:///"}

// Validate returns the mistake in the address.
func (c Config) Validate() error {
	if c.ScalerAddress == "" {
		return nil // The decoder reports that it is required.
	}
	address := c.address()
	host, port, err := net.SplitHostPort(address)
	u, malformed := url.Parse("//" + address)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	switch {
	case strings.Contains(address, "://"):
		return invalid("is not HOST:PORT", "write it without http:// or another scheme")
	case err != nil, host == "", malformed != nil, u.Host != address:
		return invalid("is not HOST:PORT", "such as queue-scaler.shop:6000")
	case notNumber != nil, number == 0:
		return invalid("has a port that is not a number from 1 to 65535", "")
	}
	return nil
}

func invalid(problem, suggestion string) error {
	return &triggers.FieldError{Field: "scalerAddress", Problem: problem, Suggestion: suggestion}
}

// Trigger has the target 1, because the level is the number of replicas that the server's metrics ask for: their targets come from the server.
// Whether the trigger is active is reported by the server, too.
func (c Config) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

// Servers returns the server that receives the credentials.
func (c Config) Servers() []string { return []string{c.address()} }

// address returns HOST:PORT of the server.
func (c Config) address() string {
	address := strings.TrimSpace(c.ScalerAddress)
	for _, scheme := range schemes {
		address = strings.TrimPrefix(address, scheme)
	}
	if host := strings.Trim(address, "[]"); !strings.Contains(address, "://") && (!strings.Contains(host, ":") || net.ParseIP(host) != nil) {
		return net.JoinHostPort(host, defaultPort)
	}
	return address
}
