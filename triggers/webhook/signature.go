package webhook

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // SignatureVersion 1 of SNS; which one is used is the topic's owner's choice.
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

const (
	// maxFetched limits the size of a response, in bytes.
	maxFetched = 64 << 10
	// fetchTimeout limits one request.
	fetchTimeout = 5 * time.Second
	// maxCertificates limits the cached certificates. SNS uses one for months.
	maxCertificates = 4
)

// signedText returns the text that SNS has signed, which consists of some of the fields.
func (e *envelope) signedText() (string, error) {
	fields := []string{"Message", e.Message, "MessageId", e.MessageID}
	switch e.Type {
	case "Notification":
		if e.Subject != "" {
			fields = append(fields, "Subject", e.Subject)
		}
		fields = append(fields, "Timestamp", e.SignedTimestamp)
	case "SubscriptionConfirmation", "UnsubscribeConfirmation":
		fields = append(fields, "SubscribeURL", e.SubscribeURL, "Timestamp", e.SignedTimestamp, "Token", e.Token)
	default:
		return "", fmt.Errorf("its Type is %.40q, expected Notification", e.Type)
	}
	return strings.Join(append(fields, "TopicArn", e.TopicArn, "Type", e.Type), "\n") + "\n", nil
}

// checkSignature checks the signature of a message against the signed text.
func checkSignature(key *rsa.PublicKey, n *notification, text string) error {
	signature, err := base64.StdEncoding.DecodeString(n.Signature)
	if err != nil {
		return fmt.Errorf("%w: its Signature is not base64", triggers.ErrUnverified)
	}
	switch n.SignatureVersion {
	case "1":
		sum := sha1.Sum([]byte(text)) // As above.
		err = rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256([]byte(text))
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	default:
		return fmt.Errorf("%w: its SignatureVersion is %.10q, expected 1 or 2", triggers.ErrUnverified, n.SignatureVersion)
	}
	if err != nil {
		return fmt.Errorf("%w: its Signature does not match the message", triggers.ErrUnverified)
	}
	return nil
}

// certificates caches the certificates with which messages were signed. Only one is fetched at a time, so that anonymous senders cannot
// cause many requests. A cached certificate does not wait for that.
type certificates struct {
	turn chan struct{}

	mu     sync.Mutex
	cached map[string]*x509.Certificate
}

// certificatePath is the form of the path of a certificate of SNS.
var certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{16,64}\.pem$`)

// key returns the key of the certificate at an address on an allowed host.
func (c *certificates) key(ctx context.Context, client *http.Client, address string, now time.Time) (*rsa.PublicKey, error) {
	if u, err := url.Parse(address); err != nil || !certificatePath.MatchString(u.Path) || u.RawQuery != "" {
		return nil, fmt.Errorf("%w: SigningCertURL is not the URL of a certificate", triggers.ErrUnverified)
	}
	cert := c.lookup(address)
	if cert == nil {
		var err error
		if cert, err = c.load(ctx, client, address); err != nil {
			return nil, fmt.Errorf("%w: %w", triggers.ErrUnavailable, err)
		}
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%w: the certificate at SigningCertURL is not valid now, or has no RSA key", triggers.ErrUnverified)
	}
	return key, nil
}

func (c *certificates) lookup(address string) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cached[address]
}

// load fetches a certificate, unless another message has loaded it meanwhile.
func (c *certificates) load(ctx context.Context, client *http.Client, address string) (*x509.Certificate, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if cert := c.lookup(address); cert != nil {
		return cert, nil
	}
	cert, err := fetchCertificate(ctx, client, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cached) >= maxCertificates {
		clear(c.cached)
	}
	c.cached[address] = cert
	return cert, nil
}

func fetchCertificate(ctx context.Context, client *http.Client, address string) (*x509.Certificate, error) {
	content, err := fetch(ctx, client, address)
	if err != nil {
		return nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the response from SigningCertURL is not a PEM certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate at SigningCertURL: %w", err)
	}
	return cert, nil
}

// fetch returns the content at an address on an allowed host. Errors do not repeat the address, which may contain a token.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the address is not valid")
	}
	response, err := client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", request.URL.Host, response.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	if err == nil && len(content) > maxFetched {
		err = fmt.Errorf("the response is longer than %d bytes", maxFetched)
	}
	return content, err
}
