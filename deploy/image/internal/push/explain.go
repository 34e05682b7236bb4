package push

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explain adds to an error of a registry what can be done about it.
func explain(err error, tag name.Tag) error {
	if err == nil {
		return nil
	}
	host := tag.RegistryStr()
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return explainAnswer(answer, err, tag)
	}
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, unreachable := errors.AsType[*net.OpError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("push to %s: the registry did not answer: %w; check that it runs, and the name in IMAGE", host, err)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("push to %s: it has no TLS: %w; PLAIN_HTTP=1 pushes without, which others on the network can read and change", host, err)
	case unknown:
		return fmt.Errorf("push to %s: its certificate is signed by an unknown authority: %w; name the authority's file in SSL_CERT_FILE", host, err)
	case unresolved:
		return fmt.Errorf("push to %s: the registry has no address: %w; check the name in IMAGE", host, err)
	case unreachable:
		return fmt.Errorf("push to %s: the registry cannot be reached: %w; check that it runs, and the name in IMAGE", host, err)
	default:
		return fmt.Errorf("push to %s: %w", host, err)
	}
}

// explainAnswer explains an error that the registry has answered with.
func explainAnswer(answer *transport.Error, err error, tag name.Tag) error {
	host := tag.RegistryStr()
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("push to %s: the registry does not accept the credentials: %w; log in with docker login %s", host, err, host)
	case http.StatusForbidden:
		return fmt.Errorf("push to %s: the credentials may not push to %s: %w; check IMAGE, or log in as another user with docker login %s",
			host, tag.RepositoryStr(), err, host)
	case http.StatusNotFound:
		return fmt.Errorf("push to %s: the registry has no repository %s: %w; check IMAGE, or create the repository there", host, tag.RepositoryStr(), err)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("push to %s: the registry is overloaded or down: %w; try again later: what is there is not sent again", host, err)
	default:
		return fmt.Errorf("push to %s: %w", host, err)
	}
}
