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

// secretTimeout bounds how long Parameter waits for the API server.
const secretTimeout = 5 * time.Second

// Credentials watches TriggerAuthentications, ClusterTriggerAuthentications and the Secrets that they name. Each object is watched by its
// name, so that a permission for this one object is enough, and only while a trigger uses it. A changed Secret takes effect at once; while
// the API server is unavailable, the last version is used.
type Credentials struct {
	namespaced, cluster *namedObjects[*v1alpha1.ClusterTriggerAuthenticationSpec]
	secrets             *namedObjects[map[string][]byte]
	// clusterNamespace is the namespace of the Secrets of ClusterTriggerAuthentications.
	clusterNamespace string
}

// NewCredentials returns Credentials; clusterNamespace is the namespace of the Secrets of ClusterTriggerAuthentications. It does no I/O.
func NewCredentials(config *rest.Config, clusterNamespace string) (*Credentials, error) {
	ours, err := Client(config)
	if err != nil {
		return nil, err
	}
	core, err := typedcorev1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of Secrets: %w", err)
	}
	return &Credentials{
		clusterNamespace: clusterNamespace,
		namespaced:       newNamedObjects(ours, "trigger authentication", "triggerauthentications", specOf),
		cluster:          newNamedObjects(ours, "cluster trigger authentication", "clustertriggerauthentications", specOf),
		secrets:          newNamedObjects(core.RESTClient(), "secret", "secrets", dataOf),
	}, nil
}

// specOf returns the spec of an authentication. A TriggerAuthentication is watched only in the namespace of the triggers that refer to it,
// so it need not list that namespace.
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

// dataOf returns the data of a Secret. Its annotations, which may contain an older version, are not cached.
func dataOf(object any) (map[string][]byte, bool) {
	s, ok := object.(*corev1.Secret)
	if !ok {
		return nil, false
	}
	return s.Data, true
}

// Open returns the credential to which a trigger in a namespace refers, and which it sends to the servers. It does no I/O: objects are
// watched from their first use on, until Close.
func (c *Credentials) Open(namespace string, ref *v1alpha1.AuthenticationRef, servers []string) *Credential {
	k := &Credential{
		use: use{namespace, servers}, secrets: c.secrets, name: types.NamespacedName{Namespace: namespace, Name: ref.Name}, secretNamespace: namespace,
		references: map[string]secretReference{},
	}
	k.authentications = c.namespaced
	if ref.Kind == clusterKind {
		k.authentications, k.name.Namespace, k.secretNamespace = c.cluster, "", c.clusterNamespace
	}
	return k
}

const clusterKind = "ClusterTriggerAuthentication"

// credentialIdentity identifies an authentication as used in one namespace. Triggers with the same identity share readings. Triggers in
// different namespaces do not, even with the same authentication, because it may be allowed in one of them only.
func credentialIdentity(namespace string, ref *v1alpha1.AuthenticationRef) string {
	kind := "TriggerAuthentication"
	if ref.Kind == clusterKind {
		kind = clusterKind
	}
	return kind + "/" + namespace + "/" + ref.Name
}

// Credential reads the parameters of one trigger's authentication.
type Credential struct {
	use             use
	authentications *namedObjects[*v1alpha1.ClusterTriggerAuthenticationSpec]
	secrets         *namedObjects[map[string][]byte]
	name            types.NamespacedName
	// secretNamespace is the namespace of its Secrets.
	secretNamespace string

	mu sync.Mutex
	// spec and references are the authentication and the Secrets that are watched for this trigger; both are empty before the first
	// use.
	spec       *namedObject[*v1alpha1.ClusterTriggerAuthenticationSpec]
	release    func()
	references map[string]secretReference
	closed     bool
}

// secretReference is a reference to a watched Secret.
type secretReference struct {
	*namedObject[map[string][]byte]

	release func()
}

// Parameter returns the present value of a parameter, or "" if the authentication does not have it. No error contains a secret. A call
// after Close, by a reading in progress, succeeds, and leaves no watch open.
func (k *Credential) Parameter(ctx context.Context, parameter string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	defer k.releaseIfClosed()
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

// authentication returns the watched authentication.
func (k *Credential) authentication(ctx context.Context) (*namedObject[*v1alpha1.ClusterTriggerAuthenticationSpec], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var err error
	if k.spec == nil {
		k.spec, k.release, err = k.authentications.acquire(ctx, k.name)
	}
	return k.spec, err
}

// read returns the value of a key of a Secret.
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

// secret returns a watched Secret, and releases Secrets that the authentication no longer names.
func (k *Credential) secret(
	ctx context.Context, spec *v1alpha1.ClusterTriggerAuthenticationSpec, name string,
) (*namedObject[map[string][]byte], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.releaseUnnamed(spec)
	if held, ok := k.references[name]; ok {
		return held.namedObject, nil
	}
	secret, leave, err := k.secrets.acquire(ctx, types.NamespacedName{Namespace: k.secretNamespace, Name: name})
	if err == nil {
		k.references[name] = secretReference{secret, leave}
	}
	return secret, err
}

// releaseUnnamed releases the Secrets that the authentication does not name. The caller must hold k.mu.
func (k *Credential) releaseUnnamed(spec *v1alpha1.ClusterTriggerAuthenticationSpec) {
	named := map[string]bool{}
	for _, from := range spec.SecretTargetRef {
		named[from.Name] = true
	}
	for name, secret := range k.references {
		if !named[name] {
			secret.release()
			delete(k.references, name)
		}
	}
}

// Close releases all objects.
func (k *Credential) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.releaseIfClosed()
}

// releaseIfClosed releases all objects if the credential is closed.
func (k *Credential) releaseIfClosed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closed {
		return
	}
	k.releaseUnnamed(&v1alpha1.ClusterTriggerAuthenticationSpec{})
	if k.spec != nil {
		k.release()
		k.spec, k.release = nil, nil
	}
}
