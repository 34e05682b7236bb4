package nats

import (
	"context"
	"net/http"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// updateClient creates a new client if the certificates have changed.
func (m *monitor) updateClient(ctx context.Context) error {
	current, err := m.certificates(ctx)
	if err != nil {
		return err
	}
	if m.client != nil && current == m.used {
		return nil
	}
	client := *m.env.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if m.config.UnsafeSSL || current != (natsconn.Credentials{}) {
		if client.Transport, err = m.transport(current); err != nil {
			return err
		}
	}
	m.client, m.used = &client, current
	return nil
}

// certificates returns the current client certificate and the CA certificates for the server; both are empty without https.
func (m *monitor) certificates(ctx context.Context) (natsconn.Credentials, error) {
	if !m.config.UseHTTPS {
		return natsconn.Credentials{}, nil
	}
	return natsconn.Read(ctx, m.env.Secrets, "ca", "cert", "key")
}

// transport returns a transport that keeps no idle connections, because nothing would close them.
func (m *monitor) transport(c natsconn.Credentials) (http.RoundTripper, error) {
	config, err := c.TLS(m.config.UnsafeSSL)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if base, ok := m.env.HTTP.Transport.(*http.Transport); ok {
		t = base.Clone()
	}
	t.TLSClientConfig, t.DisableKeepAlives = config, true
	return t, nil
}
