package servingcert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/regularfile"
)

func TestCertificate(t *testing.T) {
	t.Run("the leader makes the certificate and publishes its CA, and the other replica serves it", testLeaderMakesCertificateAndOtherReplicaServesIt)
	t.Run("through two renewals, with changes of the leader, both replicas serve a certificate that verifies", testBothReplicasServeValidCertificateThroughRenewals)
	t.Run("a caBundle that another client writes is repaired", testForeignBundleIsRepaired)
	t.Run("a certificate that ended while nothing ran is replaced at the start", testEndedCertificateIsReplacedAtStart)
	t.Run("without the webhook configuration nothing is made, and the log says why once", testWithoutConfigurationNothingIsMade)
	t.Run("a certificate in files is reloaded", testCertificateInFilesIsReloaded)
}

// start runs a replica until the test ends.
func (e *env) start(ctx context.Context, name string) *Certificate {
	e.t.Helper()
	c := New(Options{
		Secrets: fakeSecrets{e.cluster}, Webhooks: fakeWebhooks{e.cluster},
		Webhook: "impulse", Now: time.Now, Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(e.log, nil)),
		WhileLeading: func(ctx context.Context, write func(context.Context) error) error {
			if e.leader.Load() != name {
				return election.ErrNotLeading
			}
			return write(ctx)
		},
	})
	go func() { _ = c.Run(ctx) }()
	return c
}

// expectVerified fails the test if an API server could not verify what a replica serves.
func (e *env) expectVerified(name string, c *Certificate) {
	e.t.Helper()
	served, err := c.Get(nil)
	if err != nil {
		e.t.Fatalf("%s, replica %s: %v", time.Now(), name, err)
	}
	pair := Pair{Certificate: block("CERTIFICATE", served.Certificate[0]), Key: keyOf(e.t, served)}
	for _, w := range e.cluster.configuration().Webhooks {
		if err := pair.check(w.ClientConfig.CABundle, serviceNames, time.Now()); err != nil {
			e.t.Fatalf("%s, replica %s, webhook %s: %v", time.Now(), name, w.Name, err)
		}
	}
}

func testLeaderMakesCertificateAndOtherReplicaServesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		e := newEnv(t)
		b := e.start(ctx, "b")
		synctest.Wait()
		if _, err := b.Get(nil); err == nil {
			t.Error("before there is a leader, a replica serves a certificate")
		}
		a := e.start(ctx, "a")
		<-time.After(firstInterval + time.Second)
		synctest.Wait()
		e.expectVerified("a", a)
		e.expectVerified("b", b)
		for _, want := range []string{"action=replaced", "daysLeft=89", "caBundle of the admission webhook written"} {
			if !strings.Contains(e.log.String(), want) {
				t.Errorf("the log has no %q", want)
			}
		}
		stop()
		synctest.Wait()
	})
}

// Between two renewals nothing changes, so the replicas only run around them.
func testBothReplicasServeValidCertificateThroughRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var first *tls.Certificate
		for range 3 {
			ctx, stop := context.WithCancel(t.Context())
			replicas := map[string]*Certificate{"a": e.start(ctx, "a"), "b": e.start(ctx, "b")}
			<-time.After(interval + time.Second)
			if first == nil {
				first, _ = replicas["a"].Get(nil)
			}
			for minute := 0; minute < 150; minute += 5 {
				e.leader.Store(string("ab"[minute/15%2]))
				<-time.After(5*time.Minute + time.Second)
				synctest.Wait()
				for name, c := range replicas {
					e.expectVerified(name, c)
				}
			}
			stop()
			synctest.Wait()
			<-time.After(Lifetime - RenewBefore - time.Hour)
		}
		if bytes.Equal(block("CERTIFICATE", first.Certificate[0]), e.cluster.secret.Data[currentKey]) {
			t.Error("the certificate was never renewed")
		}
		for action, want := range map[string]int{"replaced": 1, "prepared": 2, "renewed": 2} {
			if n := strings.Count(e.log.String(), "action="+action); n != want {
				t.Errorf("got %d times %s, want %d", n, action, want)
			}
		}
	})
}

func testForeignBundleIsRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		e := newEnv(t)
		a := e.start(ctx, "a")
		<-time.After(firstInterval + time.Second)
		synctest.Wait()
		w := e.cluster.configuration()
		w.Webhooks[0].ClientConfig.CABundle, w.Webhooks[1].ClientConfig.CABundle = []byte("other"), nil
		e.cluster.replace(w)
		<-time.After(interval + time.Second)
		synctest.Wait()
		e.expectVerified("a", a)
		if !strings.Contains(e.log.String(), "repaired=true") {
			t.Error("the log does not tell of the repair")
		}
		stop()
		synctest.Wait()
	})
}

func testEndedCertificateIsReplacedAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		running, stop := context.WithCancel(t.Context())
		e.start(running, "a")
		<-time.After(firstInterval)
		stop()
		<-time.After(2 * Lifetime)
		running, stop = context.WithCancel(t.Context())
		b, a := e.start(running, "b"), e.start(running, "a")
		<-time.After(interval + time.Second)
		synctest.Wait()
		e.expectVerified("a", a)
		e.expectVerified("b", b)
		stop()
		synctest.Wait()
	})
}

func testWithoutConfigurationNothingIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		e := newEnv(t)
		w := e.cluster.configuration()
		e.cluster.replace(nil)
		a := e.start(ctx, "a")
		<-time.After(time.Minute)
		synctest.Wait()
		if _, err := a.Get(nil); err == nil {
			t.Error("a certificate is served without a name")
		}
		if n := strings.Count(e.log.String(), "read ValidatingWebhookConfiguration impulse"); n != 1 {
			t.Errorf("got %d lines about the missing configuration, want one", n)
		}
		e.cluster.replace(w)
		<-time.After(interval + time.Second)
		synctest.Wait()
		e.expectVerified("a", a)
		stop()
		synctest.Wait()
	})
}

func testCertificateInFilesIsReloaded(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func(p Pair) {
		for path, content := range map[string][]byte{cert: p.Certificate, key: p.Key} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := ReadFiles(cert, key, prometheus.NewRegistry(), log); err == nil || !strings.Contains(err.Error(), "--admission-cert-file: ") {
		t.Errorf("a missing file: got %v", err)
	}
	one, _ := renew(t, Material{}, start, true)
	two, _ := renew(t, Material{}, start, true)
	write(one.Current)
	f, err := ReadFiles(cert, key, prometheus.NewRegistry(), log)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = f.Run(ctx) }()
		for _, c := range []struct{ written, served Pair }{
			{Pair{two.Current.Certificate, one.Current.Key}, one.Current}, {one.Current, one.Current}, {two.Current, two.Current},
		} {
			write(c.written)
			<-time.After(2 * regularfile.FollowInterval)
			synctest.Wait()
			if served, _ := f.Get(nil); !bytes.Equal(block("CERTIFICATE", served.Certificate[0]), c.served.Certificate) {
				t.Error("another certificate than the last one with its key is served")
			}
		}
	})
}

func keyOf(t *testing.T, served *tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(served.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}
