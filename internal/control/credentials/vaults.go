package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/vault"
)

const (
	// vaultInterval is the age at which the secrets of a vault are read again, unless they have a longer lifetime.
	vaultInterval = time.Minute
	// vaultRetry is the pause after a failed attempt.
	vaultRetry = 5 * time.Second
	// vaultTime bounds an attempt while there are values of an earlier one.
	vaultTime = 2 * time.Second
	// maxVaults bounds the vaults whose secrets are kept.
	maxVaults = 1024
)

// vaults keeps the secrets of vaults. All triggers with the same server, the same proof and the same secrets share them.
type vaults struct {
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	kept map[[sha256.Size]byte]*kept
}

// kept are the secrets of one vault; mu is held while they are read.
type kept struct {
	mu     sync.Mutex
	values map[string]string
	// err is the reason why the last attempt failed; nil if it did not. next is when they are read again.
	err  error
	next time.Time
}

func newVaults(client *http.Client) *vaults {
	if client == nil {
		client = http.DefaultClient
	}
	return &vaults{client: client, now: time.Now, kept: map[[sha256.Size]byte]*kept{}}
}

// read returns the secrets of a vault. If they cannot be read again, it returns the last ones, with the reason as stale.
func (v *vaults) read(ctx context.Context, r vault.Request, identity string) (values map[string]string, stale, err error) {
	k, err := v.entry(r, identity)
	if err != nil {
		return nil, nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !v.now().Before(k.next) {
		k.update(ctx, v, r)
	}
	if k.values == nil {
		return nil, nil, k.err
	}
	return k.values, k.err, nil
}

// update reads the secrets. The caller must hold k.mu.
func (k *kept) update(ctx context.Context, v *vaults, r vault.Request) {
	if k.values != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, vaultTime)
		defer cancel()
	}
	read, err := vault.Read(ctx, v.client, r)
	k.err = err
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // Otherwise the trigger ended, which says nothing about the vault.
			k.next = v.now().Add(vaultRetry)
		}
		return
	}
	k.values, k.next = read.Values, v.now().Add(max(vaultInterval, read.Lifetime/2))
}

// entry returns the entry of a request. If there are too many, all are dropped, and read again when they are needed.
func (v *vaults) entry(r vault.Request, identity string) (*kept, error) {
	text, err := json.Marshal([]any{r.Vault, identity})
	if err != nil {
		return nil, fmt.Errorf("identify the vault: %w", err)
	}
	key := sha256.Sum256(text)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept[key] == nil {
		if len(v.kept) >= maxVaults {
			v.kept = map[[sha256.Size]byte]*kept{}
		}
		v.kept[key] = &kept{}
	}
	return v.kept[key], nil
}

// readVault reads the parameters that a vault has, if one of them is wanted.
func (r *reading) readVault(h *v1alpha1.HashiCorpVault) error {
	if h == nil || !r.wantsAny(h.Secrets) {
		return nil
	}
	proof, identity, err := r.proof(h)
	if err != nil {
		return fmt.Errorf("hashiCorpVault: %w", err)
	}
	values, stale, err := r.k.all.vaults.read(r.ctx, vault.Request{Vault: h, Proof: proof}, identity)
	if err != nil {
		return fmt.Errorf("hashiCorpVault: %w", err)
	}
	r.stale = stale
	for parameter, value := range values {
		if r.wants(parameter) {
			r.values[parameter] = value
		}
	}
	return nil
}

// wantsAny reports whether one of the secrets is to be read.
func (r *reading) wantsAny(secrets []v1alpha1.VaultSecret) bool {
	for i := range secrets {
		if r.wants(secrets[i].Parameter) {
			return true
		}
	}
	return false
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
