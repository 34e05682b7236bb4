package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/control/vault"
)

const (
	// vaultInterval is the age at which the secrets of a vault are read again, unless they have a longer lifetime.
	vaultInterval = time.Minute
	// vaultRetry is the pause after a failed attempt.
	vaultRetry = 5 * time.Second
	// maxVaults bounds the vaults whose secrets are kept.
	maxVaults = 1024
)

// vaults keeps the secrets of vaults. All triggers with the same server, the same proof and the same secrets share them.
type vaults struct {
	now func() time.Time
	// timeout bounds an attempt while there are values of an earlier one.
	timeout time.Duration

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

func newVaults() *vaults {
	return &vaults{now: time.Now, timeout: 2 * time.Second, kept: map[[sha256.Size]byte]*kept{}}
}

// readSecrets reads the secrets of a vault.
type readSecrets func(context.Context) (vault.Secrets, error)

// read returns the secrets of a vault. If they cannot be read again, it returns the last ones, with the reason as stale. identity, which is
// encoded as JSON, identifies the vault, the secrets and the proof.
func (v *vaults) read(ctx context.Context, identity []any, read readSecrets) (values map[string]string, stale, err error) {
	k, err := v.entry(identity)
	if err != nil {
		return nil, nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !v.now().Before(k.next) {
		k.update(ctx, v, read)
	}
	if k.values == nil {
		return nil, nil, k.err
	}
	return k.values, k.err, nil
}

// update reads the secrets. The caller must hold k.mu.
func (k *kept) update(ctx context.Context, v *vaults, read readSecrets) {
	if k.values != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, v.timeout)
		defer cancel()
	}
	secrets, err := read(ctx)
	k.err = err
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // Otherwise the trigger ended, which says nothing about the vault.
			k.next = v.now().Add(vaultRetry)
		}
		return
	}
	k.values, k.next = secrets.Values, v.now().Add(max(vaultInterval, secrets.Lifetime/2))
}

// entry returns the entry of an identity. If there are too many, all are dropped, and read again when they are needed.
func (v *vaults) entry(identity []any) (*kept, error) {
	text, err := json.Marshal(identity)
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

// readVault sets the wanted parameters to the secrets of the vault of a field. They are older than they should be if they cannot be read
// again.
func (r *reading) readVault(field string, identity []any, read readSecrets) error {
	values, stale, err := r.k.all.vaults.read(r.ctx, identity, read)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if stale != nil {
		r.stale = fmt.Errorf("%s: %w", field, stale)
	}
	for parameter, value := range values {
		if r.wants(parameter) {
			r.values[parameter] = value
		}
	}
	return nil
}
