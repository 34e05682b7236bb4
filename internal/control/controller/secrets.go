package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// secretTimeout bounds how long a parameter waits for the first answer of the API server.
const secretTimeout = 5 * time.Second

// Credentials watches TriggerAuthentications and the Secrets that they name. Each is watched by its name, so that the
// right to that one object is enough, and only while a trigger needs it. What was read last stands while the API server is
// away; a rotation is seen as soon as it is written.
type Credentials struct {
	own, shared *namedObjects[*v1alpha1.ClusterTriggerAuthenticationSpec]
	secrets     *namedObjects[map[string][]byte]
	// home is the namespace of the Secrets of cluster-wide authentications.
	home string
}

// NewCredentials returns Credentials that watch nothing yet.
func NewCredentials(config *rest.Config, home string) (*Credentials, error) {
	ours, err := Client(config)
	if err != nil {
		return nil, err
	}
	core, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of Secrets: %w", err)
	}
	return &Credentials{
		home:    home,
		own:     newNamedObjects(ours, "trigger authentication", "triggerauthentications", specOf),
		shared:  newNamedObjects(ours, "cluster trigger authentication", "clustertriggerauthentications", specOf),
		secrets: newNamedObjects(core.RESTClient(), "secret", "secrets", dataOf),
	}, nil
}

// specOf keeps the spec of an authentication. A TriggerAuthentication is watched in the namespace of its triggers only, so that
// it need not name that namespace.
func specOf(object any) (*v1alpha1.ClusterTriggerAuthenticationSpec, bool) {
	switch a := object.(type) {
	case *v1alpha1.TriggerAuthentication:
		return &v1alpha1.ClusterTriggerAuthenticationSpec{
			TriggerAuthenticationSpec: a.Spec, AllowedNamespaces: []string{v1alpha1.EveryNamespace},
		}, true
	case *v1alpha1.ClusterTriggerAuthentication:
		return &a.Spec, true
	}
	return nil, false
}

// dataOf keeps of a Secret what is in it: its annotations may hold an older version of it.
func dataOf(object any) (map[string][]byte, bool) {
	s, ok := object.(*corev1.Secret)
	if !ok {
		return nil, false
	}
	return s.Data, true
}

// Open returns the credential that one trigger of a namespace refers to, which is sent to these servers. It does no I/O: what is
// needed is watched from the first use on, until Close.
func (c *Credentials) Open(namespace string, ref *v1alpha1.AuthenticationRef, servers []string) *Credential {
	k := &Credential{
		use: use{namespace, servers}, secrets: c.secrets, name: types.NamespacedName{Namespace: namespace, Name: ref.Name}, home: namespace,
		held: map[string]heldSecret{},
	}
	k.authentications = c.own
	if ref.Kind == clusterWide {
		k.authentications, k.name.Namespace, k.home = c.shared, "", c.home
	}
	return k
}

const clusterWide = "ClusterTriggerAuthentication"

// identity names an authentication as one namespace may use it: triggers with the same one have the same credentials, and share
// readings. Namespaces do not, even where they name the same authentication: it may be allowed to one of them only.
func identity(namespace string, ref *v1alpha1.AuthenticationRef) string {
	kind := "TriggerAuthentication"
	if ref.Kind == clusterWide {
		kind = clusterWide
	}
	return kind + "/" + namespace + "/" + ref.Name
}

// Credential is what one trigger knows of its authentication.
type Credential struct {
	use             use
	authentications *namedObjects[*v1alpha1.ClusterTriggerAuthenticationSpec]
	secrets         *namedObjects[map[string][]byte]
	name            types.NamespacedName
	// home is where its Secrets are.
	home string

	mu sync.Mutex
	// spec and held are the authentication and the Secrets that are watched for this trigger; nothing before the first use.
	spec   *namedObject[*v1alpha1.ClusterTriggerAuthenticationSpec]
	leave  func()
	held   map[string]heldSecret
	closed bool
}

// heldSecret is a Secret that is watched for a trigger.
type heldSecret struct {
	*namedObject[map[string][]byte]

	leave func()
}

// Parameter returns a parameter as it is now; "" when the authentication does not have it. No error holds a secret. Who
// asks after Close, because a reading was under way, gets an answer, and nothing stays open.
func (k *Credential) Parameter(ctx context.Context, parameter string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	defer k.settle()
	authentication, err := k.authentication(ctx)
	if err != nil {
		return "", err
	}
	spec, err := authentication.get(ctx)
	if err != nil {
		return "", err
	}
	if err := k.use.allowedBy(spec); err != nil {
		return "", fmt.Errorf("%s: %w", authentication.label, err)
	}
	value := ""
	for _, from := range spec.SecretTargetRef {
		if from.Parameter != parameter {
			continue
		}
		if value, err = k.read(ctx, spec, from); err != nil {
			return "", fmt.Errorf("parameter %s: %w", parameter, err)
		}
	}
	return value, nil
}

// authentication watches the authentication.
func (k *Credential) authentication(ctx context.Context) (*namedObject[*v1alpha1.ClusterTriggerAuthenticationSpec], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if k.spec == nil {
		k.spec, k.leave, err = k.authentications.acquire(ctx, k.name)
	}
	return k.spec, err
}

// read returns a key of a Secret.
func (k *Credential) read(ctx context.Context, spec *v1alpha1.ClusterTriggerAuthenticationSpec, from v1alpha1.SecretTargetRef) (string, error) {
	secret, err := k.secret(ctx, spec, from.Name)
	if err != nil {
		return "", err
	}
	data, err := secret.get(ctx)
	if err != nil {
		return "", err
	}
	value, ok := data[from.Key]
	if !ok {
		return "", fmt.Errorf("%s has no key %s", secret.label, from.Key)
	}
	return string(value), nil
}

// secret watches a Secret, and no longer those that the authentication does not name any more.
func (k *Credential) secret(
	ctx context.Context, spec *v1alpha1.ClusterTriggerAuthenticationSpec, name string,
) (*namedObject[map[string][]byte], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(spec)
	if held, ok := k.held[name]; ok {
		return held.namedObject, nil
	}
	secret, leave, err := k.secrets.acquire(ctx, types.NamespacedName{Namespace: k.home, Name: name})
	if err == nil {
		k.held[name] = heldSecret{secret, leave}
	}
	return secret, err
}

// drop gives up the Secrets that the authentication does not name any more; k.mu is held.
func (k *Credential) drop(spec *v1alpha1.ClusterTriggerAuthenticationSpec) {
	named := map[string]bool{}
	for _, from := range spec.SecretTargetRef {
		named[from.Name] = true
	}
	for name, secret := range k.held {
		if !named[name] {
			secret.leave()
			delete(k.held, name)
		}
	}
}

// Close gives up everything.
func (k *Credential) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.settle()
}

// settle gives up everything once it is closed.
func (k *Credential) settle() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		return
	}
	k.drop(&v1alpha1.ClusterTriggerAuthenticationSpec{})
	if k.spec != nil {
		k.leave()
		k.spec, k.leave = nil, nil
	}
}
