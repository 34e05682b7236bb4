package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/impulse-sh/impulse/deploy/image/internal/sbom"
)

// quiet is a registry of go-containerregistry that logs nothing.
func quiet(options ...registry.Option) http.Handler {
	return registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...)
}

// serve starts a registry and returns the name of an image in it.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/team/impulse:v1.2.3"
}

func TestPush(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // Without the credentials of the user who runs the tests.
	out := build(t, compile(t, "linux/amd64"), compile(t, "linux/arm64"))
	layout := filepath.Join(out, "layout")
	for _, referrers := range []bool{true, false} {
		t.Run(fmt.Sprintf("sends the image and its SBOMs, referrers API: %v", referrers), func(t *testing.T) {
			testSendsImageAndSBOMs(t, out, serve(t, quiet(registry.WithReferrersSupport(referrers))))
		})
	}
	t.Run("uses the credentials of docker login, and shows none", func(t *testing.T) { testUsesCredentialsOfDockerLogin(t, layout) })
	t.Run("says what to do when the registry is down", func(t *testing.T) { testRegistryIsDown(t, layout) })
	t.Run("says what to do when the registry refuses", func(t *testing.T) { testRegistryRefuses(t, layout) })
	t.Run("says what to do when the registry has no TLS or an unknown certificate", func(t *testing.T) { testRegistryWithoutUsualTLS(t, layout) })
	t.Run("says what to do when there is no image", func(t *testing.T) {
		fails(t, []string{"push", "--layout", t.TempDir(), "ghcr.io/you/impulse:v1.2.3"}, "open the OCI layout", "make image makes one")
	})
	t.Run("says what is wrong with the name of the image", func(t *testing.T) {
		fails(t, []string{"push", "--check", "impulse"}, `IMAGE="impulse"`, "write IMAGE=docker.io/YOU/impulse:v1.2.3")
		fails(t, []string{"push", ""}, "IMAGE is missing")
		fails(t, []string{"push"}, "IMAGE is missing")
	})
}

func testSendsImageAndSBOMs(t *testing.T, out, image string) {
	mustRun(t, "push", "--check", image)
	printed, progress, ok := run(t.Context(), "push", "--layout", filepath.Join(out, "layout"), image)
	repository, _, _ := strings.Cut(image, ":v1.2.3")
	if want := repository + "@" + digestOf(t, out) + "\n"; !ok || printed != want {
		t.Fatalf("got %q, %s, want %q", printed, progress, want)
	}
	if !strings.Contains(progress, " has 100 % of ") {
		t.Errorf("got the progress %q, want it to reach 100 %%", progress)
	}
	tag, err := name.NewTag(image)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		found, err := remote.Referrers(tag.Digest(d.Digest.String()), remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		listed, err := found.IndexManifest()
		if err != nil || len(listed.Manifests) != 1 {
			t.Fatalf("%s: got referrers %v, %v, want one", d.Platform, listed, err)
		}
		artifact, err := remote.Image(tag.Digest(listed.Manifests[0].Digest.String()), remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := billOf(t, artifact), readFile(t, out, "impulse_linux_"+d.Platform.Architecture+".cdx.json"); got != want {
			t.Errorf("%s: got the SBOM %.100q, want that of the file", d.Platform, got)
		}
	}
}

// billOf returns the SBOM in an artifact.
func billOf(t *testing.T, artifact v1.Image) string {
	t.Helper()
	manifest, err := artifact.Manifest()
	if err != nil || manifest.ArtifactType != sbom.MediaType {
		t.Fatalf("got the artifact %v, %v, want one of type %s", manifest, err, sbom.MediaType)
	}
	layers, err := artifact.Layers()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	bill, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(bill)
}

func testUsesCredentialsOfDockerLogin(t *testing.T, layout string) {
	const user, password = "me", "my-secret-password"
	behind := quiet()
	image := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u == user && p == password {
			behind.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	host, _, _ := strings.Cut(image, "/")
	for _, args := range [][]string{{"push", "--check", image}, {"push", "--layout", layout, image}} {
		fails(t, args, "does not accept the credentials", "docker login "+host)
	}
	login := func(password string) {
		dir := t.TempDir()
		config := fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, host, user, password)
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("DOCKER_CONFIG", dir)
	}
	login(password)
	mustRun(t, "push", "--check", image)
	mustRun(t, "push", "--layout", layout, image)
	login("another-secret")
	if _, errs, ok := run(t.Context(), "push", "--check", image); ok || strings.Contains(errs, "another-secret") {
		t.Errorf("got %q, want an error without the password", errs)
	}
}

func testRegistryIsDown(t *testing.T, layout string) {
	image := "127.0.0.1:1/team/impulse:v1.2.3"
	for _, args := range [][]string{{"push", "--check", image}, {"push", "--layout", layout, image}} {
		fails(t, args, "the registry cannot be reached", "connection refused", "check that it runs, and the name in IMAGE")
	}
}

func testRegistryRefuses(t *testing.T, layout string) {
	for status, text := range map[int]string{
		http.StatusForbidden: "the credentials may not push to team/impulse",
		http.StatusNotFound:  "the registry has no repository team/impulse",
	} {
		image := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.WriteHeader(status)
		}))
		fails(t, []string{"push", "--check", image}, text, "check IMAGE")
		fails(t, []string{"push", "--layout", layout, image}, text, "check IMAGE")
	}
	image := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("\x1b[31m" + strings.Repeat("a", 60_000)))
	}))
	if _, errs, ok := run(t.Context(), "push", "--check", image); ok || !strings.Contains(errs, `\x1b[31maaa`) || strings.Contains(errs, "\x1b") || len(errs) > 10_000 {
		t.Errorf("got %.300q of %d bytes, want an error without control characters that is not long", errs, len(errs))
	}
}

// The library tries the usual names of this machine without TLS by itself, but not all addresses of its loopback interface.
func testRegistryWithoutUsualTLS(t *testing.T, layout string) {
	on := func() (*httptest.Server, string) {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(quiet())
		server.Listener, server.Config.ErrorLog = listener, log.New(io.Discard, "", 0)
		t.Cleanup(server.Close)
		return server, listener.Addr().String() + "/team/impulse:v1.2.3"
	}
	plain, image := on()
	plain.Start()
	fails(t, []string{"push", "--check", image}, "it has no TLS", "PLAIN_HTTP=1")
	mustRun(t, "push", "--plain-http", "--check", image)
	mustRun(t, "push", "--plain-http", "--layout", layout, image)

	secure, image := on()
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t, "127.0.0.2")}, MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	fails(t, []string{"push", "--check", image}, "signed by an unknown authority", "SSL_CERT_FILE")
}

// selfSigned returns a certificate for an address that no authority has signed.
func selfSigned(t *testing.T, address string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(address)}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}
}
