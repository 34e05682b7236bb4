package forward

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// SecretName is the Secret of the key, in the namespace of the Lease.
	SecretName = "impulse-peers"
	// secretField is the field of the Secret that holds the key.
	secretField = "key"
	keySize     = 32
	// minReadInterval is the least time between two reads of the Secret: requests with wrong keys do not cause more.
	minReadInterval = time.Second
	// keyTimeout limits a read of the Secret.
	keyTimeout = time.Second
)

// Secrets is the part of a client of Secrets in one namespace that is used.
type Secrets interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Secret, error)
	Create(ctx context.Context, s *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error)
	Update(ctx context.Context, s *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error)
}

// Key is the key with which the replicas authenticate. The first replica creates it. It is read again when it is refused, so deleting it
// from the Secret rotates it. It is safe for concurrent use.
type Key struct {
	secrets Secrets
	now     func() time.Time

	// reading is held while the Secret is read. A request with the cached key does not wait for it.
	reading sync.Mutex
	readAt  time.Time

	mu    sync.Mutex
	value []byte
	err   error
}

// NewKey returns the key of the replicas in a namespace. It does no I/O.
func NewKey(secrets Secrets) *Key {
	return &Key{secrets: secrets, now: time.Now}
}

// get returns the key. It reads the Secret if no key is cached, or the cached one is the one that was refused.
func (k *Key) get(ctx context.Context, refused []byte) ([]byte, error) {
	if value, err := k.cached(); value != nil && !bytes.Equal(refused, value) {
		return value, err
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	if !k.readAt.IsZero() && k.now().Sub(k.readAt) < minReadInterval {
		return k.cached()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyTimeout)
	defer cancel()
	value, err := k.fetch(ctx)
	k.readAt = k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.value, k.err = value, nil
	case k.value == nil: // Otherwise the cached key may still be valid.
		k.err = fmt.Errorf("the key of the replicas, in Secret %s: %w", SecretName, err)
	}
	return k.value, k.err
}

func (k *Key) cached() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value, k.err
}

// fetch reads the Secret. It creates the Secret or its field if missing; if several replicas do so, the first one wins.
func (k *Key) fetch(ctx context.Context) ([]byte, error) {
	for {
		secret, err := k.secrets.Get(ctx, SecretName, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName}, Data: map[string][]byte{secretField: newKey()}}
			secret, err = k.secrets.Create(ctx, secret, metav1.CreateOptions{})
		case err == nil && len(secret.Data[secretField]) == 0:
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			secret.Data[secretField] = newKey()
			secret, err = k.secrets.Update(ctx, secret, metav1.UpdateOptions{})
		}
		switch {
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
			continue
		case err != nil:
			return nil, err
		case len(secret.Data[secretField]) < keySize:
			return nil, fmt.Errorf("its field %s has fewer than %d bytes: delete the field, and a new key is created", secretField, keySize)
		}
		return secret.Data[secretField], nil
	}
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // It never fails: it ends the process instead.
	return key
}

// ErrUnauthorized is returned for a request on the peer listener that does not have the key of the replicas.
var ErrUnauthorized = errors.New("the request does not carry the key of the replicas")

// verify returns nil for the key, and otherwise ErrUnauthorized. It compares in constant time.
func (k *Key) verify(ctx context.Context, presented []byte) error {
	var refused []byte
	for range 2 {
		key, err := k.get(ctx, refused)
		if err != nil {
			return err
		}
		a, b := sha256.Sum256(presented), sha256.Sum256(key)
		if subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
			return nil
		}
		refused = key // It may have been rotated.
	}
	return ErrUnauthorized
}
