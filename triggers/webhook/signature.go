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
	// maxFetched bounds what is read of an answer.
	maxFetched = 64 << 10
	// fetchTimeout bounds one request.
	fetchTimeout = 5 * time.Second
	// maxCertificates bounds those that are remembered: SNS uses one for months.
	maxCertificates = 4
)

// signed is the text that SNS has signed: some of the fields, by name.
func (e *envelope) signed() (string, error) {
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
		return "", fmt.Errorf("its Type is %.40q: Notification was expected", e.Type)
	}
	return strings.Join(append(fields, "TopicArn", e.TopicArn, "Type", e.Type), "\n") + "\n", nil
}

// checkSignature holds a text against the signature of a message.
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
		return fmt.Errorf("%w: its SignatureVersion is %.10q: 1 or 2 was expected", triggers.ErrUnverified, n.SignatureVersion)
	}
	if err != nil {
		return fmt.Errorf("%w: its Signature is not that of the message", triggers.ErrUnverified)
	}
	return nil
}

// certificates remembers the keys by which messages were signed. One is fetched at a time, so that strangers cannot make us
// ask often; those that are known need no turn.
type certificates struct {
	turn chan struct{}

	mu    sync.Mutex
	known map[string]*x509.Certificate
}

// certificatePath is where SNS keeps its certificates.
var certificatePath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{16,64}\.pem$`)

// key returns the key of the certificate at an address whose host has been allowed.
func (c *certificates) key(ctx context.Context, client *http.Client, address string, now time.Time) (*rsa.PublicKey, error) {
	if u, err := url.Parse(address); err != nil || !certificatePath.MatchString(u.Path) || u.RawQuery != "" {
		return nil, fmt.Errorf("%w: SigningCertURL is no certificate's", triggers.ErrUnverified)
	}
	cert := c.remembered(address)
	if cert == nil {
		var err error
		if cert, err = c.learn(ctx, client, address); err != nil {
			return nil, fmt.Errorf("%w: %w", triggers.ErrUnavailable, err)
		}
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("%w: the certificate at SigningCertURL is not valid now, or not of an RSA key", triggers.ErrUnverified)
	}
	return key, nil
}

func (c *certificates) remembered(address string) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[address]
}

// learn fetches a certificate, unless somebody else has done so meanwhile.
func (c *certificates) learn(ctx context.Context, client *http.Client, address string) (*x509.Certificate, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if cert := c.remembered(address); cert != nil {
		return cert, nil
	}
	cert, err := fetchCertificate(ctx, client, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCertificates {
		clear(c.known)
	}
	c.known[address] = cert
	return cert, nil
}

func fetchCertificate(ctx context.Context, client *http.Client, address string) (*x509.Certificate, error) {
	content, err := fetch(ctx, client, address)
	if err != nil {
		return nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("what is at SigningCertURL is not a PEM certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the certificate at SigningCertURL: %w", err)
	}
	return cert, nil
}

// fetch reads what is at an address, which is on a host that has been allowed. No error repeats the address: it may hold a
// token.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("the address is none")
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
		err = fmt.Errorf("the answer is longer than %d bytes", maxFetched)
	}
	return content, err
}
