package nats

import (
	"context"
	"net/http"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// currentClient returns the client for the current certificates. It creates a new one if they have changed.
func (m *monitor) currentClient(ctx context.Context, secrets triggers.Secrets) (*http.Client, error) {
	current, err := m.certificates(ctx, secrets)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil && current == m.used {
		return m.client, nil
	}
	client := *m.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if m.config.UnsafeSSL || current != (natsconn.Credentials{}) {
		if client.Transport, err = m.transport(current); err != nil {
			return nil, err
		}
	}
	m.client, m.used = &client, current
	return m.client, nil
}

// certificates returns the current client certificate and the CA certificates for the server; both are empty without https.
func (m *monitor) certificates(ctx context.Context, secrets triggers.Secrets) (natsconn.Credentials, error) {
	if !m.config.UseHTTPS {
		return natsconn.Credentials{}, nil
	}
	return natsconn.Read(ctx, secrets, "ca", "cert", "key")
}

// transport returns a transport that keeps no idle connections, because nothing would close them.
func (m *monitor) transport(c natsconn.Credentials) (http.RoundTripper, error) {
	config, err := c.TLS(m.config.UnsafeSSL)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if base, ok := m.http.Transport.(*http.Transport); ok {
		t = base.Clone()
	}
	t.TLSClientConfig, t.DisableKeepAlives = config, true
	return t, nil
}
