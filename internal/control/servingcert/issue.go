package servingcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// issue makes a CA and a certificate of it for these names. The key of the CA is not returned.
func issue(names []string, now time.Time) (pair Pair, authority []byte, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("make the key of a CA: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("make a key: %w", err)
	}
	begin, end := now.Add(-skew), now.Add(Lifetime)
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "impulse-admission-ca " + now.UTC().Format(time.RFC3339)},
		NotBefore: begin, NotAfter: end, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("make a CA: %w", err)
	}
	dns, ips := addresses(names)
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "impulse-admission"}, DNSNames: dns, IPAddresses: ips,
		NotBefore: begin, NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	// The parent is parsed: its subject key identifier was set when it was made.
	parent, err := x509.ParseCertificate(caDER)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("parse the CA: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, key.Public(), caKey)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("make a certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, nil, fmt.Errorf("encode a key: %w", err)
	}
	return Pair{Certificate: block("CERTIFICATE", der), Key: block("PRIVATE KEY", keyDER)}, block("CERTIFICATE", caDER), nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// serial returns a random serial number of 127 bits.
func serial() *big.Int {
	var random [16]byte
	_, _ = rand.Read(random[:]) // It never fails: it ends the process instead.
	random[0] &= 0x7f
	return new(big.Int).SetBytes(random[:])
}
