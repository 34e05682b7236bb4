package forward

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
)

// validity is the validity of the certificate. It is long because clients do not check it: they check only that the Lease has the
// fingerprint of the key.
const validity = 10 * 365 * 24 * time.Hour

// Listener is the listener of this replica for the other ones, and its certificate, whose key exists only in this process. It accepts
// connections without TLS; WithTLS adds that.
type Listener struct {
	net.Listener

	config   *tls.Config
	identity string
}

// Listen listens at an address. advertise is the host or host:port at which other replicas reach it. If it is "", it is the host of the
// address, or the environment variable IMPULSE_POD_IP where that host is unspecified, such as 0.0.0.0.
func Listen(ctx context.Context, listen, advertise string) (*Listener, error) {
	var lc net.ListenConfig
	plain, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the other replicas (--peer-listen): %w", err)
	}
	address, err := advertised(plain.Addr(), advertise, os.Getenv("IMPULSE_POD_IP"))
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	cert, err := newCertificate()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create the certificate for the other replicas: %w", err), plain.Close())
	}
	s := &Listener{Listener: plain, config: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}}
	// The host name makes the identity readable. The UUID makes it unique, also without a host name.
	host, _ := os.Hostname()
	pin := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	s.identity = strings.Join([]string{host + "_" + string(uuid.NewUUID()), address, base64.RawURLEncoding.EncodeToString(pin[:])}, "/")
	return s, nil
}

// WithTLS returns a listener that accepts TLS connections with the certificate.
func (s *Listener) WithTLS(l net.Listener) net.Listener { return tls.NewListener(l, s.config) }

// Identity returns the holder identity of this replica: NAME/ADDRESS/FINGERPRINT.
func (s *Listener) Identity() string { return s.identity }

// advertised returns the host:port at which other replicas reach a listening address.
func advertised(listening net.Addr, advertise, podIP string) (string, error) {
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return "", err
	}
	switch h, p, err := net.SplitHostPort(advertise); {
	case err == nil && h != "" && p != "":
		return advertise, nil
	case advertise != "" && !strings.ContainsAny(advertise, ":/[]") || net.ParseIP(advertise) != nil:
		return net.JoinHostPort(advertise, port), nil
	case advertise != "":
		return "", fmt.Errorf("--peer-advertise is %q: expected host or host:port", advertise)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
		return net.JoinHostPort(host, port), nil
	}
	if podIP == "" {
		return "", errors.New("--peer-listen is an unspecified address, so the address for the other replicas is unknown: set --peer-advertise, or the environment variable IMPULSE_POD_IP")
	}
	return net.JoinHostPort(podIP, port), nil
}

// newCertificate returns a certificate with a new key, which stays in the process.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "impulse"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// leader is the address of the holder of the Lease, and the fingerprint of its key.
type leader struct {
	address string
	pin     [sha256.Size]byte
}

// parse parses the holder identity of a Lease.
func parse(identity string) (leader, error) {
	parts := strings.Split(identity, "/")
	if len(parts) != 3 {
		return leader{}, fmt.Errorf("the holder identity %q of the leader has no address: the holder may not be Impulse", identity)
	}
	pin, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(pin) != sha256.Size {
		return leader{}, fmt.Errorf("the holder identity %q of the leader has no fingerprint of a key", identity)
	}
	if _, _, err := net.SplitHostPort(parts[1]); err != nil {
		return leader{}, fmt.Errorf("the holder identity %q of the leader has no valid address: %w", identity, err)
	}
	return leader{address: parts[1], pin: [sha256.Size]byte(pin)}, nil
}

// verify returns nil if the server has the key of the leader.
func (l leader) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server has sent no certificate")
	}
	if sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo) != l.pin {
		return fmt.Errorf("the server at %s is not the leader: it has another key", l.address)
	}
	return nil
}
