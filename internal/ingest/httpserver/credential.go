package httpserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/time/rate"
)

// everywhere among the namespaces of a credential opens all of them, and the cluster-wide door.
const everywhere = "*"

// Requests a second of one credential, and how many at once after a pause. An Alertmanager sends a few a minute for each
// of its groups: this much is a mistake, and is not to keep the others out.
const (
	perSecond = 1000
	burst     = 2000
)

// credential lets whoever shows its proof knock at some doors.
type credential struct {
	// name becomes part of the door: alerts that come by different names are different alerts.
	name       string
	namespaces []string
	proof      proof
	rate       *rate.Limiter
}

// proof is what a request shows, as a hash: what is compared has one length, and a core dump shows nothing.
type proof [sha256.Size]byte

// A part cannot run into the next one: each is hashed by itself.
func prove(parts ...string) proof {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return proof(h.Sum(nil))
}

func bearer(token string) proof { return prove("bearer", token) }

func basic(username, password string) proof { return prove("basic", username, password) }

// certified is a verified client certificate that has a value in a field: commonName, dnsName or uri.
func certified(field, value string) proof { return prove("certificate", field, value) }

func newCredential(name string, p proof, namespaces ...string) *credential {
	return &credential{name: name, namespaces: namespaces, proof: p, rate: rate.NewLimiter(perSecond, burst)}
}

// opens reports whether a credential leads to a namespace; "" is the cluster-wide door.
func (c *credential) opens(namespace string) bool {
	return slices.Contains(c.namespaces, everywhere) || namespace != "" && slices.Contains(c.namespaces, namespace)
}

// same reports whether two credentials say the same.
func (c *credential) same(other *credential) bool {
	return c.name == other.name && c.proof == other.proof && slices.Equal(c.namespaces, other.namespaces)
}

// find returns the first credential that a request proves. All are compared, in constant time; who has none of that name
// and who has the wrong password wait equally long.
func find(all []*credential, r *http.Request) (*credential, bool) {
	var found *credential
	for _, shown := range shows(r) {
		for _, one := range all {
			if subtle.ConstantTimeCompare(shown[:], one.proof[:]) == 1 && found == nil {
				found = one
			}
		}
	}
	return found, found != nil
}

// shows is what a request says of its sender. A header that is wrong is not made good by a certificate.
func shows(r *http.Request) []proof {
	if header := r.Header.Get("Authorization"); header != "" {
		if username, password, ok := r.BasicAuth(); ok {
			return []proof{basic(username, password)}
		}
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "bearer") {
			return nil
		}
		return []proof{bearer(strings.TrimSpace(token))}
	}
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	leaf := r.TLS.VerifiedChains[0][0]
	all := []proof{certified("commonName", leaf.Subject.CommonName)}
	for _, name := range leaf.DNSNames {
		all = append(all, certified("dnsName", name))
	}
	for _, uri := range leaf.URIs {
		all = append(all, certified("uri", uri.String()))
	}
	return all
}

// isNamespace reports whether a word can be the name of a namespace; a token that holds an = is no such word before it, or
// has nothing but padding behind it.
func isNamespace(word string) bool {
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
