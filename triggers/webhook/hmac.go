package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
)

// signatureHeader is the header in which GitHub sends the HMAC of the body.
const signatureHeader = "X-Hub-Signature-256"

// verifyHMAC checks the body against the signature if the trigger has an authenticationRef. With a missing secret every message is
// rejected.
func (t *decoder) verifyHMAC(ctx context.Context, m triggers.Message) error {
	if t.env.Credentials == "" {
		return nil
	}
	if t.env.Secrets == nil {
		return fmt.Errorf("%w: hmacSecret cannot be read", triggers.ErrUnavailable)
	}
	values, err := t.env.Secrets(ctx, "hmacSecret")
	if err != nil {
		return fmt.Errorf("%w: read hmacSecret: %w", triggers.ErrUnavailable, err)
	}
	signature, ok := strings.CutPrefix(m.Header.Get(signatureHeader), "sha256=")
	sent, err := hex.DecodeString(signature)
	if !ok || err != nil || len(sent) != sha256.Size {
		return fmt.Errorf("%w: %s does not hold sha256= and 64 hexadecimal digits", triggers.ErrUnverified, signatureHeader)
	}
	found, valid := false, false
	for secret := range strings.Lines(values["hmacSecret"]) {
		secret = strings.TrimSpace(secret)
		if secret == "" {
			continue
		}
		found = true
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(m.Raw)
		valid = hmac.Equal(mac.Sum(nil), sent) || valid
	}
	switch {
	case !found:
		return fmt.Errorf("%w: the authenticationRef has no hmacSecret", triggers.ErrUnavailable)
	case !valid:
		return fmt.Errorf("%w: %s is not that of the body", triggers.ErrUnverified, signatureHeader)
	}
	return nil
}
