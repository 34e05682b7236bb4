package credentials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/vault"
)

// readHashiCorp reads the parameters that a server of HashiCorp Vault has, if one of them is wanted.
func (r *reading) readHashiCorp(h *v1alpha1.HashiCorpVault) error {
	const field = "hashiCorpVault"
	if h == nil || !slices.ContainsFunc(h.Secrets, func(s v1alpha1.VaultSecret) bool { return r.wants(s.Parameter) }) {
		return nil
	}
	proof, identity, err := r.proof(h)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return r.readVault(field, []any{field, h, identity}, func(ctx context.Context) (vault.Secrets, error) {
		return vault.Read(ctx, r.k.all.options.HTTP, vault.Request{Vault: h, Proof: proof})
	})
}

// proof returns what proves to a vault who asks, and what identifies that in a cache. The token of Impulse's own service account is no proof.
func (r *reading) proof(h *v1alpha1.HashiCorpVault) (proof, identity string, err error) {
	c := h.Credential
	if c == nil {
		c = &v1alpha1.VaultCredential{}
	}
	switch {
	case h.Authentication == v1alpha1.VaultToken && c.TokenFrom != nil:
		name := types.NamespacedName{Namespace: r.k.objectNamespace, Name: c.TokenFrom.Name}
		proof, err = r.dataKey(r.k.all.secrets, name, c.TokenFrom.Key)
		proof = strings.TrimSpace(proof)
		return proof, proof, err
	case h.Authentication == v1alpha1.VaultToken && c.Token != "":
		return c.Token, "", nil
	case h.Authentication == v1alpha1.VaultToken:
		return "", "", errors.New("its credential has neither token nor tokenFrom")
	case c.ServiceAccountName != "":
		proof, _, err = r.token(v1alpha1.ServiceAccountTokenRef{ServiceAccountName: c.ServiceAccountName, Audience: c.Audience})
		return proof, r.k.objectNamespace, err
	case c.ServiceAccount != "":
		proof, err = r.tokenFile(c.ServiceAccount)
		return proof, r.k.objectNamespace, err
	default:
		return "", "", errors.New("its credential has no serviceAccountName, and the token of Impulse's own service account is sent to no vault")
	}
}

// tokenFile reads a token from a file, which is found as that of filePath is.
func (r *reading) tokenFile(name string) (string, error) {
	content, err := r.fileContent(name)
	switch {
	case errors.Is(err, errNoRoot):
		return "", fmt.Errorf("serviceAccount %s: %w; use serviceAccountName", name, err)
	case err != nil:
		return "", fmt.Errorf("serviceAccount %s: %w; a file below --filepath-root is read, or use serviceAccountName", name, err)
	}
	return strings.TrimSpace(string(content)), nil
}
