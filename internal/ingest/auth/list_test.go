package auth

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	t.Run("each credential is valid for its namespaces", testEachCredentialIsValidForItsNamespaces)
	t.Run("an incomplete credential is refused", testIncompleteCredentialIsRefused)
	t.Run("all mistakes in credentials are reported at once, without a secret", testAllMistakesInCredentialsAreReportedAtOnceWithoutSecret)
	t.Run("an invalid list of credentials is refused", testInvalidListOfCredentialsIsRefused)
}

const someCredentials = `
- name: prometheus-eu
  namespaces: [shop, bank]
  token: the-token-of-europe
- name: prometheus-eu
  namespaces: [shop, bank]
  tokenFile: next-token
- name: grafana
  namespaces: ["*"]
  basic: {username: grafana, passwordFile: password}
- name: ci
  namespaces: [ci]
  clientCertificate: {uri: "spiffe://cluster.local/ns/ci/sa/runner"}
- {name: mesh, namespaces: [mesh], clientCertificate: {dnsName: alertmanager.mesh}}
- {name: old, namespaces: [old], clientCertificate: {commonName: alertmanager}}
`

// readCredentials reads the list of credentials above.
func readCredentials(t *testing.T) []*Credential {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"list.yaml": someCredentials, "next-token": "the-next-token\n", "password": "pass word:with\r\n\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := readList(filepath.Join(dir, "list.yaml"), true)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// requestWith returns a request with an Authorization header, or with a verified client certificate.
func requestWith(authorization string, leaf *x509.Certificate) *http.Request {
	r := &http.Request{Header: http.Header{}}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if leaf != nil {
		r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
	}
	return r
}

func requestWithPassword(username, password string) *http.Request {
	r := requestWith("", nil)
	r.SetBasicAuth(username, password)
	return r
}

func testEachCredentialIsValidForItsNamespaces(t *testing.T) {
	all := readCredentials(t)
	spiffe := &url.URL{Scheme: "spiffe", Host: "cluster.local", Path: "/ns/ci/sa/runner"}
	for _, c := range []struct {
		what            string
		r               *http.Request
		name            string
		allows, refuses []string
	}{
		{"a token", requestWith("Bearer the-token-of-europe", nil), "prometheus-eu", []string{"shop", "bank"}, []string{"", "ci", "*"}},
		{"the next token, from a file", requestWith("bearer the-next-token", nil), "prometheus-eu", []string{"shop"}, []string{""}},
		{"a password", requestWithPassword("grafana", "pass word:with"), "grafana", []string{"shop", "ci", ""}, nil},
		{"a certificate's URI", requestWith("", &x509.Certificate{URIs: []*url.URL{spiffe}}), "ci", []string{"ci"}, []string{"shop", ""}},
		{"a certificate's DNS name", requestWith("", &x509.Certificate{DNSNames: []string{"x", "alertmanager.mesh"}}), "mesh", []string{"mesh"}, []string{"ci"}},
		{"a certificate's common name", requestWith("", &x509.Certificate{Subject: pkix.Name{CommonName: "alertmanager"}}), "old", []string{"old"}, []string{"ci"}},
	} {
		one, ok := lookup(all, c.r)
		if !ok || one.name != c.name {
			t.Errorf("%s: found %v", c.what, one)
			continue
		}
		for _, namespace := range c.allows {
			if !one.allows(namespace) {
				t.Errorf("%s does not allow %q", c.what, namespace)
			}
		}
		for _, namespace := range c.refuses {
			if one.allows(namespace) {
				t.Errorf("%s allows %q", c.what, namespace)
			}
		}
	}
}

func testIncompleteCredentialIsRefused(t *testing.T) {
	all := readCredentials(t)
	unverified := requestWith("", nil)
	unverified.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: "alertmanager"}}}}
	wrongHeader := requestWith("Bearer wrong-wrong", &x509.Certificate{Subject: pkix.Name{CommonName: "alertmanager"}})
	for what, r := range map[string]*http.Request{
		"nothing":                         requestWith("", nil),
		"a token as a password":           requestWithPassword("grafana", "the-token-of-europe"),
		"a password as a token":           requestWith("Bearer pass word:with", nil),
		"another user's password":         requestWithPassword("graf", "pass word:with"),
		"a common name as a DNS name":     requestWith("", &x509.Certificate{DNSNames: []string{"alertmanager"}}),
		"an unverified certificate":       unverified,
		"a wrong token and a certificate": wrongHeader,
		"an empty common name":            requestWith("", &x509.Certificate{}),
		"another scheme":                  requestWith("Digest the-token-of-europe", nil),
	} {
		if one, ok := lookup(all, r); ok {
			t.Errorf("%s was authenticated as %s", what, one.name)
		}
	}
}

func testAllMistakesInCredentialsAreReportedAtOnceWithoutSecret(t *testing.T) {
	content := `
- naem: a
  namespaces: [Sh/op, 7]
  token: s3cret
- name: with/slash
  token: s3cret-s3cret
  basic: {username: "a:b", password: s3cret-s3cret}
- name: both
  namespaces: []
  basic: {usrname: me, password: s3cret-s3cret, passwordFile: nowhere}
- name: missing
  namespaces: ["*"]
  tokenFile: nowhere
- s3cret-s3cret
- {name: n, namespaces: [n], token: 12345678}
- {name: n, namespaces: [n], token: s3cret with spaces, token: s3cret-again}
- {name: n, namespaces: [n], clientCertificate: {commonName: x, uri: y}}
- {name: n, namespaces: [n], token: once-only}
- {name: m, namespaces: [m], token: once-only}
`
	_, err := parseList("list.yaml", []byte(content), false)
	if err == nil {
		t.Fatal("the credentials were accepted")
	}
	for _, want := range []string{
		`list.yaml:2: unknown field (did you mean "name"?)`, "list.yaml:2: name: is missing", "list.yaml:3: namespaces: expected the name",
		"list.yaml:3: namespaces: expected a string", "list.yaml:4: token: expected at least 8 characters", "list.yaml:5: name: expected letters",
		"list.yaml:5: namespaces: is missing", "list.yaml:5: expected exactly one of token, tokenFile, basic, clientCertificate",
		"list.yaml:9: namespaces: expected a list", `list.yaml:10: basic: unknown field (did you mean "username"?)`, "list.yaml:10: basic.username: is missing",
		"list.yaml:10: expected exactly one of password, passwordFile", "list.yaml:13: tokenFile: open nowhere: no such file", "list.yaml:14: expected a map",
		"list.yaml:15: token: expected a string: put it in quotes", "list.yaml:16: token: is given twice", "list.yaml:16: token: a token has no space",
		"list.yaml:17: clientCertificate: the server asks for no certificate without --client-ca-file", "list.yaml:17: expected exactly one of commonName, dnsName, uri",
		"list.yaml:19: the same as in line 18",
	} {
		if !strings.Contains(withoutColumns(err), want) {
			t.Errorf("%q is missing in:\n%v; want text with %q", want, err, want)
		}
	}
	if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "once-only") {
		t.Errorf("a secret is repeated:\n%v", err)
	}
}

// withoutColumns returns the text of an error with the lines and without the columns.
func withoutColumns(err error) string {
	return regexp.MustCompile(`(?m)^(list\.yaml:\d+):\d+:`).ReplaceAllString(err.Error(), "$1:")
}

func testInvalidListOfCredentialsIsRefused(t *testing.T) {
	for content, want := range map[string]string{
		"": "expected a list", "# nothing": "expected a list", "[]": "expected a list", "name: x": "expected a list",
		"- token: [s3cret\n- x: y":                            "list.yaml:2:6: is not YAML",
		"- token: *s3cret-anchor":                             "not YAML",
		"- token: \"s3cret":                                   "not YAML",
		"- {name: a, token: s3cret-s3cret}\n---\n- {name: b}": "one YAML document",
	} {
		_, err := parseList("list.yaml", []byte(content), false)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add([]byte(someCredentials))
	f.Add([]byte("- {name: a, namespaces: [\"*\"], token: &a 'x y', basic: *a}\n- !!binary x"))
	f.Fuzz(func(t *testing.T, content []byte) {
		all, err := parseList("/nowhere/list.yaml", content, true)
		if (err == nil) != (len(all) > 0) {
			t.Errorf("%q: %d credentials and %v", content, len(all), err)
		}
		for _, one := range all {
			if one.name == "" || strings.Contains(one.name, "/") || len(one.namespaces) == 0 || one.digest == (digest{}) {
				t.Errorf("%q: accepted %+v", content, one)
			}
		}
		all, err = parseTokens("tokens", content)
		if (err == nil) != (len(all) > 0) {
			t.Errorf("%q: %d tokens and %v", content, len(all), err)
		}
	})
}
