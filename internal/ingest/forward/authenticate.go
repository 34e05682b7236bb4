package forward

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// Authenticate returns the name of the credential that another replica has authenticated, for a request with the key of the replicas. The error is ErrRefused, or that
// the key is not known.
func (k *Key) Authenticate(r *http.Request) (credential string, err error) {
	encoded, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	shown, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return "", ErrRefused
	}
	if err := k.check(r.Context(), shown); err != nil {
		return "", err
	}
	credential = r.Header.Get(credentialHeader)
	r.Header = passedOn(r.Header)
	return credential, nil
}
