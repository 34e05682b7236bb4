package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"
)

const (
	// sessionPurpose makes the HMAC of a session different from any other one under the same key.
	sessionPurpose = "impulse page session v1\x00"
	expirySize     = 8
)

// A session proves that a browser has shown a credential. It is the time at which it ends, and the HMAC of that time under the digest of
// the credential. So every replica with the same credentials accepts it, it does not contain the credential, and it ends when the credential is
// replaced.

// NewSession returns a session of a credential, which ends at a time.
func (c *Credential) NewSession(ends time.Time) string {
	expiry := binary.BigEndian.AppendUint64(nil, uint64(max(ends.Unix(), 0)))
	return base64.RawURLEncoding.EncodeToString(append(expiry, c.sessionMAC(expiry)...))
}

// sessionMAC returns the HMAC of an encoded time.
func (c *Credential) sessionMAC(expiry []byte) []byte {
	mac := hmac.New(sha256.New, c.digest[:])
	mac.Write([]byte(sessionPurpose))
	mac.Write(expiry)
	return mac.Sum(nil)
}

// Resume returns the credential of a session, and counts the request for the rate of the credential. The error is ErrRateLimited, or an *Error
// of the kind ErrUnauthenticated. All credentials are compared, each in constant time.
func (c *Credentials) Resume(session string, now time.Time) (*Credential, error) {
	content, err := base64.RawURLEncoding.DecodeString(session)
	if err != nil || len(content) != expirySize+sha256.Size {
		return nil, &Error{Kind: ErrUnauthenticated, Reason: "the cookie is not a session"}
	}
	expiry, mac := content[:expirySize], content[expirySize:]
	var found *Credential
	for _, one := range *c.all.Load() {
		if hmac.Equal(mac, one.sessionMAC(expiry)) && found == nil {
			found = one
		}
	}
	switch {
	case found == nil:
		return nil, &Error{Kind: ErrUnauthenticated, Reason: "the session belongs to no valid credential"}
	case uint64(max(now.Unix(), 0)) >= binary.BigEndian.Uint64(expiry):
		return nil, &Error{Kind: ErrUnauthenticated, Reason: "the session has ended"}
	case !found.rate.AllowN(now, 1):
		return nil, ErrRateLimited
	}
	return found, nil
}

// SignIn returns the credential that a user has typed: a username and a password, or a token without a username.
func (c *Credentials) SignIn(username, secret string, now time.Time) (*Credential, error) {
	r := &http.Request{Header: http.Header{}}
	if username == "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	} else {
		r.SetBasicAuth(username, secret)
	}
	return c.Authenticate(r, now)
}
