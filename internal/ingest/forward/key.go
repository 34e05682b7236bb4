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
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

const (
	// SecretName is the Secret of the key, in the namespace of the Lease.
	SecretName = "impulse-peers"
	// secretField is the key's in it.
	secretField = "key"
	keySize     = 32
	// readAgain is the least time between two readings of the Secret: a stranger's guesses do not reach the API server.
	readAgain = time.Second
	// keyTimeout bounds a reading.
	keyTimeout = time.Second
)

// Key is what the replicas know each other by. Whoever comes first makes it; it is read again when it is refused, so that it
// can be rotated by deleting it from the Secret.
type Key struct {
	secrets typedcorev1.SecretInterface
	now     func() time.Time

	// reading is held by the one who reads the Secret: whoever shows a key that is known does not wait for that.
	reading sync.Mutex
	read    time.Time

	mu    sync.Mutex
	value []byte
	err   error
}

// NewKey returns the key in a namespace. It does no I/O.
func NewKey(secrets typedcorev1.SecretsGetter, namespace string) *Key {
	return &Key{secrets: secrets.Secrets(namespace), now: time.Now}
}

// get returns the key. It is read when it is not known, or is the one that was refused.
func (k *Key) get(ctx context.Context, refused []byte) ([]byte, error) {
	if value, err := k.known(); value != nil && !bytes.Equal(refused, value) {
		return value, err
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	if !k.read.IsZero() && k.now().Sub(k.read) < readAgain {
		return k.known()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyTimeout)
	defer cancel()
	value, err := k.fetch(ctx)
	k.read = k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.value, k.err = value, nil
	case k.value == nil: // Else the last one known may be the right one still.
		k.err = fmt.Errorf("the key of the replicas, in Secret %s: %w", SecretName, err)
	}
	return k.value, k.err
}

func (k *Key) known() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value, k.err
}

// fetch reads the Secret, and makes what is missing of it. Of several who do so at once one wins.
func (k *Key) fetch(ctx context.Context) ([]byte, error) {
	for {
		secret, err := k.secrets.Get(ctx, SecretName, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName}, Data: map[string][]byte{secretField: fresh()}}
			secret, err = k.secrets.Create(ctx, secret, metav1.CreateOptions{})
		case err == nil && len(secret.Data[secretField]) == 0:
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			secret.Data[secretField] = fresh()
			secret, err = k.secrets.Update(ctx, secret, metav1.UpdateOptions{})
		}
		switch {
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
			continue
		case err != nil:
			return nil, err
		case len(secret.Data[secretField]) < keySize:
			return nil, fmt.Errorf("its field %s has fewer than %d bytes: delete the field, and one is made", secretField, keySize)
		}
		return secret.Data[secretField], nil
	}
}

func fresh() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // It never fails: it ends the process instead.
	return key
}

// ErrRefused is that who came in by the door of the replicas is none.
var ErrRefused = errors.New("it has not shown the key of the replicas")

// check accepts who has the key. It compares in constant time.
func (k *Key) check(ctx context.Context, shown []byte) error {
	var refused []byte
	for range 2 {
		key, err := k.get(ctx, refused)
		if err != nil {
			return err
		}
		a, b := sha256.Sum256(shown), sha256.Sum256(key)
		if subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
			return nil
		}
		refused = key // It may have been rotated.
	}
	return ErrRefused
}
