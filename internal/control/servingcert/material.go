package servingcert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	// Lifetime is the validity of a certificate.
	Lifetime = 90 * 24 * time.Hour
	// RenewBefore is the time before the end of a certificate at which the next one is made.
	RenewBefore = 30 * 24 * time.Hour
	// Distribution is the time that the next CA certificate is published before a certificate of it is served.
	Distribution = time.Hour
	// skew is how far the clocks of API servers may be behind.
	skew = time.Hour
	// maxAuthorities bounds the published CA certificates.
	maxAuthorities = 4
)

// Pair is a certificate and its key, in PEM.
type Pair struct{ Certificate, Key []byte }

// Material is the content of the Secret.
type Material struct {
	// Authorities are the CA certificates to publish, in PEM.
	Authorities []byte
	// Current is served, and Next will be; Next is empty unless a renewal is in progress.
	Current, Next Pair
}

// Action is what Renew did.
type Action string

// The actions of Renew.
const (
	// Unchanged: nothing was to be done.
	Unchanged Action = ""
	// Replaced: the certificate was unusable, and there is a new one at once.
	Replaced Action = "replaced"
	// Prepared: the certificate ends soon, and the next one has been made.
	Prepared Action = "prepared"
	// Renewed: the next certificate is served from now on.
	Renewed Action = "renewed"
)

var (
	errNone  = errors.New("there is no certificate")
	errNoCA  = errors.New("no name to certify")
	errEarly = errors.New("it is not valid yet")
)

// Renew returns the material that is needed at an instant for a server with these names, what it did, and why. published means that
// old.Authorities are in the ValidatingWebhookConfiguration.
func Renew(old Material, names []string, now time.Time, published bool) (Material, Action, error) {
	if len(names) == 0 {
		return old, Unchanged, errNoCA
	}
	m := old
	why := old.Current.check(old.Authorities, names, now)
	nextWhy := old.Next.check(old.Authorities, names, now)
	switch {
	case why != nil && nextWhy == nil:
		m.Current, m.Next = old.Next, Pair{}
		return m.prune(now), Renewed, nil
	case why != nil:
		pair, authority, err := issue(names, now)
		if err != nil {
			return old, Unchanged, err
		}
		m.Current, m.Next, m.Authorities = pair, Pair{}, slices.Concat(authority, old.Authorities)
		return m.prune(now), Replaced, nil
	case now.Before(old.Current.end().Add(-RenewBefore)):
		return old, Unchanged, nil
	case nextWhy != nil:
		pair, authority, err := issue(names, now)
		if err != nil {
			return old, Unchanged, err
		}
		m.Next, m.Authorities = pair, slices.Concat(authority, old.Authorities)
		return m.prune(now), Prepared, nil
	case published && !now.Before(old.Next.begin().Add(skew+Distribution)):
		m.Current, m.Next = old.Next, Pair{}
		return m.prune(now), Renewed, nil
	default:
		return old, Unchanged, nil
	}
}

// check returns why a pair cannot be served under these names at an instant; nil if it can.
func (p Pair) check(authorities []byte, names []string, now time.Time) error {
	leaf, err := p.leaf()
	if err != nil {
		return err
	}
	if now.Before(leaf.NotBefore) {
		return errEarly
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	for _, name := range names {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			return err
		}
	}
	return nil
}

// leaf parses the certificate, and checks that it has the key.
func (p Pair) leaf() (*x509.Certificate, error) {
	if len(p.Certificate) == 0 {
		return nil, errNone
	}
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		return nil, fmt.Errorf("parse the certificate: %w", err)
	}
	return pair.Leaf, nil
}

// begin and end return the validity of a pair that check has accepted.
func (p Pair) begin() time.Time {
	return p.validity(func(c *x509.Certificate) time.Time { return c.NotBefore })
}

func (p Pair) end() time.Time {
	return p.validity(func(c *x509.Certificate) time.Time { return c.NotAfter })
}

func (p Pair) validity(of func(*x509.Certificate) time.Time) time.Time {
	leaf, err := p.leaf()
	if err != nil {
		return time.Time{}
	}
	return of(leaf)
}

// prune removes CA certificates that have ended or cannot be parsed, and the oldest ones beyond maxAuthorities.
func (m Material) prune(now time.Time) Material {
	var valid [][]byte
	for rest := m.Authorities; len(valid) < maxAuthorities; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && now.Before(c.NotAfter) {
			valid = append(valid, pem.EncodeToMemory(block))
		}
	}
	m.Authorities = bytes.Join(valid, nil)
	return m
}

// addresses splits names into DNS names and IP addresses.
func addresses(names []string) (dns []string, ips []net.IP) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			ips = append(ips, ip)
		} else {
			dns = append(dns, name)
		}
	}
	return dns, ips
}
