package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// secretAge is how long a credential is believed: a rotation takes that long to be taken up.
	secretAge = 10 * time.Second
	// maxSecrets bounds what is kept.
	maxSecrets = 4096
	// secretTimeout bounds one reading of an authentication and its Secrets.
	secretTimeout = 5 * time.Second
)

// Credentials reads TriggerAuthentications and the Secrets that they name from the API server.
type Credentials struct {
	ours rest.Interface
	core corev1.SecretsGetter
	// home is the namespace of the Secrets of cluster-wide authentications.
	home string

	mu    sync.Mutex
	known map[string]credential
}

// credential is what an authentication came to at one time.
type credential struct {
	values map[string]string
	err    error
	at     time.Time
}

// NewCredentials returns Credentials that have read nothing yet.
func NewCredentials(config *rest.Config, home string) (*Credentials, error) {
	ours, err := Client(config)
	if err != nil {
		return nil, err
	}
	core, err := corev1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of Secrets: %w", err)
	}
	return &Credentials{ours: ours, core: core, home: home, known: map[string]credential{}}, nil
}

// Secret returns a parameter of an authentication; "" when the authentication does not have it. An authentication that
// cannot be read in full is an error, which never holds a secret.
func (c *Credentials) Secret(ctx context.Context, namespace string, ref *v1alpha1.AuthenticationRef, parameter string) (string, error) {
	key := ref.Kind + "/" + namespace + "/" + ref.Name
	c.mu.Lock()
	known, ok := c.known[key]
	c.mu.Unlock()
	if !ok || time.Since(known.at) > secretAge {
		ctx, cancel := context.WithTimeout(ctx, secretTimeout)
		defer cancel()
		known.values, known.err = c.read(ctx, namespace, ref)
		known.at = time.Now()
		if ctx.Err() == nil {
			c.keep(key, known)
		}
	}
	return known.values[parameter], known.err
}

func (c *Credentials) keep(key string, known credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxSecrets {
		clear(c.known)
	}
	c.known[key] = known
}

// read reads an authentication and all that it refers to.
func (c *Credentials) read(ctx context.Context, namespace string, ref *v1alpha1.AuthenticationRef) (map[string]string, error) {
	spec, namespace, err := c.authentication(ctx, namespace, ref)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, from := range spec.SecretTargetRef {
		secret, err := c.core.Secrets(namespace).Get(ctx, from.Name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read secret %s/%s for parameter %s: %w", namespace, from.Name, from.Parameter, err)
		}
		value, ok := secret.Data[from.Key]
		if !ok {
			return nil, fmt.Errorf("secret %s/%s has no key %s for parameter %s", namespace, from.Name, from.Key, from.Parameter)
		}
		values[from.Parameter] = string(value)
	}
	return values, nil
}

// authentication reads the object that is referred to, and says where its Secrets are.
func (c *Credentials) authentication(
	ctx context.Context, namespace string, ref *v1alpha1.AuthenticationRef,
) (*v1alpha1.TriggerAuthenticationSpec, string, error) {
	if ref.Kind == "ClusterTriggerAuthentication" {
		var auth v1alpha1.ClusterTriggerAuthentication
		err := c.ours.Get().Resource("clustertriggerauthentications").Name(ref.Name).Do(ctx).Into(&auth)
		if err != nil {
			return nil, "", fmt.Errorf("read cluster trigger authentication %s: %w", ref.Name, err)
		}
		return &auth.Spec, c.home, nil
	}
	var auth v1alpha1.TriggerAuthentication
	err := c.ours.Get().Namespace(namespace).Resource("triggerauthentications").Name(ref.Name).Do(ctx).Into(&auth)
	if err != nil {
		return nil, "", fmt.Errorf("read trigger authentication %s/%s: %w", namespace, ref.Name, err)
	}
	return &auth.Spec, namespace, nil
}
