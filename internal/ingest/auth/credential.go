package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/time/rate"
)

// AllNamespaces among the namespaces of a credential allows all of them, and the cluster-wide receiver.
const AllNamespaces = "*"

// The rate of one credential, in requests a second, and its burst. An Alertmanager sends a few requests a minute for each of its
// groups: a sender beyond this rate is misconfigured.
const (
	credentialRate  = 1000
	CredentialBurst = 2000
)

// Credential is one bearer token, password or client certificate, and the namespaces it is valid for.
type Credential struct {
	// name becomes part of the endpoint: alerts sent with different credentials are different alerts. A token of a file of tokens
	// has none.
	name       string
	namespaces []string
	digest     digest
	rate       *rate.Limiter
}

// digest is the hash of what a request shows: all digests are compared in the same time, and no Credential holds a secret.
type digest [sha256.Size]byte

// digestOf hashes each part by itself, so that no part can run into the next one.
func digestOf(parts ...string) digest {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return digest(h.Sum(nil))
}

func bearerDigest(token string) digest { return digestOf("bearer", token) }

func basicDigest(username, password string) digest { return digestOf("basic", username, password) }

// certificateDigest returns the digest of a verified client certificate with a value in a field: commonName, dnsName or uri.
func certificateDigest(field, value string) digest { return digestOf("certificate", field, value) }

func newCredential(name string, d digest, namespaces ...string) *Credential {
	return &Credential{name: name, namespaces: namespaces, digest: d, rate: rate.NewLimiter(credentialRate, CredentialBurst)}
}

// allows reports whether a credential is valid for a namespace; "" is the cluster-wide receiver.
func (c *Credential) allows(namespace string) bool {
	return slices.Contains(c.namespaces, AllNamespaces) || namespace != "" && slices.Contains(c.namespaces, namespace)
}

// Namespaces returns the namespaces that a credential is valid for; nil is all of them.
func (c *Credential) Namespaces() []string {
	if slices.Contains(c.namespaces, AllNamespaces) {
		return nil
	}
	return slices.Clone(c.namespaces)
}

// equal reports whether two credentials have the same name, secret and namespaces.
func (c *Credential) equal(other *Credential) bool {
	return c.name == other.name && c.digest == other.digest && slices.Equal(c.namespaces, other.namespaces)
}

// lookup returns the first credential that a request shows. All are compared, in constant time: an unknown username and a wrong
// password take equally long.
func lookup(all []*Credential, r *http.Request) (*Credential, bool) {
	var found *Credential
	for _, shown := range digestsOf(r) {
		for _, c := range all {
			if subtle.ConstantTimeCompare(shown[:], c.digest[:]) == 1 && found == nil {
				found = c
			}
		}
	}
	return found, found != nil
}

// digestsOf returns the digests of what a request shows. The client certificate counts only without an Authorization header.
func digestsOf(r *http.Request) []digest {
	if header := r.Header.Get("Authorization"); header != "" {
		if username, password, ok := r.BasicAuth(); ok {
			return []digest{basicDigest(username, password)}
		}
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "bearer") {
			return nil
		}
		return []digest{bearerDigest(strings.TrimSpace(token))}
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	leaf := r.TLS.VerifiedChains[0][0]
	all := []digest{certificateDigest("commonName", leaf.Subject.CommonName)}
	for _, name := range leaf.DNSNames {
		all = append(all, certificateDigest("dnsName", name))
	}
	for _, uri := range leaf.URIs {
		all = append(all, certificateDigest("uri", uri.String()))
	}
	return all
}

// IsNamespace reports whether a word can be the name of a namespace.
func IsNamespace(word string) bool {
	if word == "" || len(word) > 63 {
		return false
	}
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}
