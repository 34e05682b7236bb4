package httpserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	t.Run("a client is authenticated by its certificate", testClientIsAuthenticatedByItsCertificate)
	t.Run("a new certificate is served without a restart, a broken one is not", testNewCertificateIsServedWithoutRestartBrokenOneIsNot)
	t.Run("the files of a certificate are loaded together", testFilesOfCertificateAreLoadedTogether)
}

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, Subject: pkix.Name{CommonName: "authority"}}
	a.cert, a.key = a.sign(template)
	return a
}

// sign returns a new certificate and its key. The first certificate is self-signed.
func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.next++
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(a.next), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// client returns a client certificate with a common name.
func (a *authority) client(name string) tls.Certificate {
	a.t.Helper()
	cert, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// tlsServer is a server with a certificate in files.
type tlsServer struct {
	*authority

	files  TLSFiles
	tls    *TLS
	server *Server
}

func newTLSServer(t *testing.T, list string) *tlsServer {
	t.Helper()
	dir := t.TempDir()
	s := &tlsServer{authority: newAuthority(t), files: TLSFiles{
		Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt"),
	}}
	s.write(s.files.ClientCA, "CERTIFICATE", s.cert.Raw)
	s.renew()
	var err error
	if s.tls, err = ReadTLS(s.files); err != nil {
		t.Fatal(err)
	}
	s.server = startServer(t, &record{}, nil, func(o *Options) { o.TLS, o.Credentials = s.tls, credentials(t, list) })
	return s
}

func (s *tlsServer) write(path, kind string, der []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// renew writes a new certificate to the files.
func (s *tlsServer) renew() {
	s.t.Helper()
	cert, key := s.sign(&x509.Certificate{DNSNames: []string{"impulse"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(s.files.Cert, "CERTIFICATE", cert.Raw)
	s.write(s.files.Key, "PRIVATE KEY", der)
}

// postAlert posts an alert with client certificates, and returns the status code and the serial number of the server's certificate.
func (s *tlsServer) postAlert(config *tls.Config, path string) (code int, serial int64, err error) {
	s.t.Helper()
	config.RootCAs, config.ServerName = x509.NewCertPool(), "impulse"
	config.RootCAs.AddCert(s.cert)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "https://"+s.server.Addr()+path, strings.NewReader(one))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, 0, err
	}
	return response.StatusCode, response.TLS.PeerCertificates[0].SerialNumber.Int64(), response.Body.Close()
}

func testClientIsAuthenticatedByItsCertificate(t *testing.T) {
	s := newTLSServer(t, "- {name: am, namespaces: [shop], clientCertificate: {commonName: alertmanager}}")
	for name, want := range map[string]int{"alertmanager": http.StatusOK, "somebody": http.StatusUnauthorized} {
		if code, _, err := s.postAlert(&tls.Config{Certificates: []tls.Certificate{s.client(name)}}, "/v1/alertmanager/shop"); code != want {
			t.Errorf("%s: %d, %v", name, code, err)
		}
	}
	if code, _, err := s.postAlert(&tls.Config{}, "/v1/alertmanager/shop"); code != http.StatusUnauthorized {
		t.Errorf("without a certificate: %d, %v", code, err)
	}
	if code, _, err := s.postAlert(&tls.Config{Certificates: []tls.Certificate{s.client("alertmanager")}}, "/v1/alertmanager/bank"); code != http.StatusForbidden {
		t.Errorf("in another namespace: %d, %v", code, err)
	}
	foreign := newAuthority(t).client("alertmanager")
	offer := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }}
	if code, _, err := s.postAlert(offer, "/v1/alertmanager/shop"); err == nil {
		t.Errorf("by a certificate of another authority: %d", code)
	}
	if code, _, err := s.postAlert(&tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, "/v1/alertmanager/shop"); err == nil {
		t.Errorf("with TLS 1.1: %d", code)
	}
}

func testNewCertificateIsServedWithoutRestartBrokenOneIsNot(t *testing.T) {
	s := newTLSServer(t, "- {name: am, namespaces: [shop], clientCertificate: {commonName: alertmanager}}")
	shown := func() int64 {
		t.Helper()
		_, serial, err := s.postAlert(&tls.Config{}, "/v1/alertmanager/shop")
		if err != nil {
			t.Fatal(err)
		}
		return serial
	}
	first := shown()
	s.renew()
	want := s.next
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for shown() != want {
		select {
		case <-deadline.C:
			t.Fatalf("certificate %d is shown, not %d", first, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
	_, other := s.sign(&x509.Certificate{})
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for what, breakIt := range map[string]func() error{
		"another key":   func() error { s.write(s.files.Key, "PRIVATE KEY", der); return nil },
		"no file":       func() error { return os.Remove(s.files.Cert) },
		"no authority":  func() error { return os.WriteFile(s.files.ClientCA, nil, 0o600) },
		"half of a key": func() error { return os.Truncate(s.files.Key, 50) },
	} {
		if err := breakIt(); err != nil {
			t.Fatal(err)
		}
		next := &TLS{files: s.files}
		if _, err := next.reload(); err == nil {
			t.Errorf("%s is accepted", what)
		}
		if got := shown(); got != want {
			t.Errorf("%s: %d is shown, not %d; want %v", what, got, want, want)
		}
		s.write(s.files.ClientCA, "CERTIFICATE", s.cert.Raw)
		s.renew()
		for want = s.next; shown() != want; {
			<-time.After(10 * time.Millisecond)
		}
	}
}

func testFilesOfCertificateAreLoadedTogether(t *testing.T) {
	for _, files := range []TLSFiles{{Cert: "a"}, {Key: "b"}, {ClientCA: "c"}, {Cert: "a", ClientCA: "c"}} {
		if _, err := ReadTLS(files); err == nil || !strings.Contains(err.Error(), "--tls-key-file") {
			t.Errorf("%+v: %v", files, err)
		}
	}
	if _, err := ReadTLS(TLSFiles{Cert: "nowhere", Key: "nowhere"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
