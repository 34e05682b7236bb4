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

// validity is long: who dials trusts the key alone, for as long as the Lease names it.
const validity = 10 * 365 * 24 * time.Hour

// Self is this replica as the others find it: an open port, which says nothing before it is made Secure, and a certificate
// that ends with the process.
type Self struct {
	net.Listener

	config   *tls.Config
	identity string
}

// Listen opens the port. advertise is host:port or host, where the others reach it; "" is the host that is listened on, or
// the Pod's own address by the environment variable IMPULSE_POD_IP where that is any.
func Listen(ctx context.Context, listen, advertise string) (*Self, error) {
	var lc net.ListenConfig
	plain, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the other replicas (--peer-listen): %w", err)
	}
	address, err := advertised(plain.Addr(), advertise, os.Getenv("IMPULSE_POD_IP"))
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	cert, err := ephemeral()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a certificate for the other replicas: %w", err), plain.Close())
	}
	s := &Self{Listener: plain, config: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}}
	// Without a name the random part is enough; the name is for people.
	host, _ := os.Hostname()
	pin := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	s.identity = strings.Join([]string{host + "_" + string(uuid.NewUUID()), address, base64.RawURLEncoding.EncodeToString(pin[:])}, "/")
	return s, nil
}

// Secure makes a listener show the certificate.
func (s *Self) Secure(l net.Listener) net.Listener { return tls.NewListener(l, s.config) }

// Identity is what the Lease says of this replica while it leads: NAME/ADDRESS/FINGERPRINT.
func (s *Self) Identity() string { return s.identity }

// advertised is host:port where the others reach an address that is listened on.
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
		return "", errors.New("--peer-listen is any address of this host, and which one the other replicas reach is not known: give --peer-advertise, or the environment variable IMPULSE_POD_IP")
	}
	return net.JoinHostPort(podIP, port), nil
}

// ephemeral makes a key that never leaves the process, and a certificate for it.
func ephemeral() (tls.Certificate, error) {
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

// leader is where the holder of the Lease is reached.
type leader struct {
	address string
	pin     [sha256.Size]byte
}

// parse understands the holder identity of a Lease.
func parse(identity string) (leader, error) {
	parts := strings.Split(identity, "/")
	if len(parts) != 3 {
		return leader{}, fmt.Errorf("the leader %q does not say where it is reached: it is of an older version, or not Impulse", identity)
	}
	pin, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(pin) != sha256.Size {
		return leader{}, fmt.Errorf("the leader %q has no fingerprint of a certificate", identity)
	}
	if _, _, err := net.SplitHostPort(parts[1]); err != nil {
		return leader{}, fmt.Errorf("the leader %q has no address: %w", identity, err)
	}
	return leader{address: parts[1], pin: [sha256.Size]byte(pin)}, nil
}

// verify accepts just the key of the leader.
func (l leader) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("it has shown no certificate")
	}
	if sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo) != l.pin {
		return fmt.Errorf("who answers at %s is not the leader: it has another certificate", l.address)
	}
	return nil
}
