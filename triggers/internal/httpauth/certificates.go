package httpauth

import (
	"errors"
	"net/http"

	"github.com/impulse-sh/impulse/triggers"
)

// WithCertificates returns a transport that verifies the server against ca and sends the certificate cert, all in PEM; with unsafe it accepts
// any server. It keeps no idle connections, because nothing would close them when the certificates change. Without certificates and unsafe
// it returns base, which is http.DefaultTransport if it is nil.
func WithCertificates(base http.RoundTripper, ca, cert, key string, unsafe bool) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	if ca+cert+key == "" && !unsafe {
		return base, nil
	}
	config, err := triggers.TLSConfig(ca, cert, key, unsafe)
	if err != nil {
		return nil, err
	}
	shared, ok := base.(*http.Transport)
	if !ok {
		return nil, errors.New("this is a defect: the HTTP client cannot be configured for TLS")
	}
	own := shared.Clone()
	own.TLSClientConfig, own.DisableKeepAlives = config, true
	return own, nil
}
