package forward

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Authenticate authenticates a request of another replica, and returns the name of the credential that the replica has authenticated. It
// removes the headers that are not the sender's. The error is ErrUnauthorized, or that of reading the key.
func (k *Key) Authenticate(r *http.Request) (credential string, err error) {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	presented, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return "", ErrUnauthorized
	}
	if err := k.verify(r.Context(), presented); err != nil {
		return "", err
	}
	credential = r.Header.Get(credentialHeader)
	r.Header = forwardedHeader(r.Header)
	return credential, nil
}
