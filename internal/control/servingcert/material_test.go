package servingcert

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRenew(t *testing.T) {
	t.Run("over two years, the served certificate is always valid for the CA certificates that API servers have", testServedCertificateIsAlwaysValidOverYears)
	t.Run("a certificate that cannot be served is replaced at once", testCertificateThatCannotBeServedIsReplacedAtOnce)
	t.Run("without a name nothing is made", testWithoutNameNothingIsMade)
	t.Run("a next certificate is served only after its CA was published for the time of distribution", testNextCertificateIsServedOnlyAfterDistribution)
	t.Run("CA certificates are bounded, and those that ended are removed", testAuthoritiesAreBounded)
}

var (
	serviceNames = []string{"impulse-admission.impulse-system.svc"}
	start        = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// renew calls Renew, which must succeed.
func renew(t *testing.T, m Material, now time.Time, published bool) (Material, Action) {
	t.Helper()
	m, action, err := Renew(m, serviceNames, now, published)
	if err != nil {
		t.Fatal(err)
	}
	return m, action
}

// An API server may still use the CA certificates of the day before.
func testServedCertificateIsAlwaysValidOverYears(t *testing.T) {
	var m Material
	m, action := renew(t, m, start, false)
	if action != Replaced {
		t.Fatalf("without a certificate: got %q, want %q", action, Replaced)
	}
	actions := map[Action]int{}
	for now := start; now.Before(start.AddDate(2, 0, 0)); now = now.Add(24 * time.Hour) {
		authorities := m.Authorities
		m, action = renew(t, m, now, true)
		actions[action]++
		for _, trusted := range [][]byte{authorities, m.Authorities} {
			if err := m.Current.check(trusted, serviceNames, now); err != nil {
				t.Fatalf("%s, after %q: an API server cannot verify the certificate: %v", now, action, err)
			}
		}
		if left := m.Current.end().Sub(now); left < RenewBefore-48*time.Hour {
			t.Fatalf("%s: the certificate ends in %s", now, left)
		}
	}
	if actions[Replaced] != 0 || actions[Prepared] != actions[Renewed] || actions[Renewed] < 10 || actions[Renewed] > 13 {
		t.Errorf("in two years: got %v, want one renewal in 60 days, and nothing replaced", actions)
	}
}

func testCertificateThatCannotBeServedIsReplacedAtOnce(t *testing.T) {
	good, _ := renew(t, Material{}, start, false)
	other, _ := renew(t, Material{}, start, false)
	for what, change := range map[string]func(m *Material, names *[]string, now *time.Time){
		"it has ended":                  func(_ *Material, _ *[]string, now *time.Time) { *now = start.Add(Lifetime + time.Second) },
		"it is not valid yet":           func(_ *Material, _ *[]string, now *time.Time) { *now = start.Add(-2 * time.Hour) },
		"the key is another":            func(m *Material, _ *[]string, _ *time.Time) { m.Current.Key = other.Current.Key },
		"it is no PEM":                  func(m *Material, _ *[]string, _ *time.Time) { m.Current.Certificate = []byte("broken") },
		"the CA certificates are gone":  func(m *Material, _ *[]string, _ *time.Time) { m.Authorities = nil },
		"the CA certificate is another": func(m *Material, _ *[]string, _ *time.Time) { m.Authorities = other.Authorities },
		"the Service has another name": func(_ *Material, names *[]string, _ *time.Time) {
			*names = []string{"other.impulse-system.svc", "127.0.0.1"}
		},
	} {
		m, names, now := good, serviceNames, start
		change(&m, &names, &now)
		got, action, err := Renew(m, names, now, true)
		if err != nil || action != Replaced {
			t.Errorf("%s: got %q, %v, want %q", what, action, err, Replaced)
			continue
		}
		if err := got.Current.check(got.Authorities, names, now); err != nil {
			t.Errorf("%s: the new certificate cannot be served: %v", what, err)
		}
	}
}

func testWithoutNameNothingIsMade(t *testing.T) {
	if m, action, err := Renew(Material{}, nil, start, true); err == nil || action != Unchanged || m.Current.Certificate != nil {
		t.Errorf("got %v, %q, %v; want an error", m, action, err)
	}
}

func testNextCertificateIsServedOnlyAfterDistribution(t *testing.T) {
	m, _ := renew(t, Material{}, start, true)
	now := start.Add(Lifetime - RenewBefore)
	if _, action := renew(t, m, now.Add(-time.Second), true); action != Unchanged {
		t.Errorf("a second before the renewal: got %q, want nothing", action)
	}
	m, action := renew(t, m, now, true)
	if action != Prepared || strings.Count(string(m.Authorities), "BEGIN") != 2 {
		t.Fatalf("got %q and %d CA certificates, want %q and both", action, strings.Count(string(m.Authorities), "BEGIN"), Prepared)
	}
	for _, c := range []struct {
		after     time.Duration
		published bool
		want      Action
	}{{Distribution - time.Second, true, Unchanged}, {Distribution, false, Unchanged}, {Distribution, true, Renewed}} {
		got, action := renew(t, m, now.Add(c.after), c.published)
		if action != c.want {
			t.Errorf("%s later, published %t: got %q, want %q", c.after, c.published, action, c.want)
		}
		if served := bytes.Equal(got.Current.Certificate, m.Next.Certificate); served != (c.want == Renewed) {
			t.Errorf("%s later, published %t: the next certificate is served: %t", c.after, c.published, served)
		}
	}
	// A leader that was away for months finds an ended certificate and a next one that is valid.
	m.Current = Pair{}
	if got, action := renew(t, m, now, false); action != Renewed || !bytes.Equal(got.Current.Certificate, m.Next.Certificate) {
		t.Errorf("without a current certificate: got %q, want the next one", action)
	}
}

func testAuthoritiesAreBounded(t *testing.T) {
	var m Material
	for i := range 10 {
		m.Current = Pair{}
		m, _ = renew(t, m, start.Add(time.Duration(i)*time.Minute), true)
	}
	if n := strings.Count(string(m.Authorities), "BEGIN"); n != maxAuthorities {
		t.Errorf("got %d CA certificates, want %d", n, maxAuthorities)
	}
	m.Authorities = slices.Concat([]byte("# broken\n"), m.Authorities)
	m, _ = renew(t, m, start.Add(2*Lifetime), true)
	if n := strings.Count(string(m.Authorities), "BEGIN"); n != 1 || !x509.NewCertPool().AppendCertsFromPEM(m.Authorities) {
		t.Errorf("after all have ended: got %d CA certificates, want the new one", n)
	}
}
