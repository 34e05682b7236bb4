package credentials

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/cloudvault"
	"github.com/impulse-sh/impulse/internal/kube/typed"
)

// readTimeout bounds how long a reading waits for the API server.
const readTimeout = 5 * time.Second

// Options configure Credentials. All but HTTP, Clouds and Root are required.
type Options struct {
	// Client is a client of Impulse's own API group, and Core one of the core group.
	Client rest.Interface
	Core   *typed.Core
	// Self asks the API server who Impulse is.
	Self *typed.Reviews
	// Watch returns a list and watch of one target.
	Watch func(ctx context.Context, t actuator.Target) (cache.ListerWatcher, error)
	// ClusterNamespace is the namespace of the objects that ClusterTriggerAuthentications name.
	ClusterNamespace string
	// HTTP is the client for servers of HashiCorp Vault; nil means http.DefaultClient.
	HTTP *http.Client
	// Clouds reads the secret managers of cloud providers; nil means that there is no KEDA bridge.
	Clouds *cloudvault.Reader
	// Root is the folder of the files that authentications name; with "" none may name a file.
	Root string
}

// Credentials watches TriggerAuthentications, ClusterTriggerAuthentications and the objects that they name. Each object is watched by its
// name, so that a permission for this one object is enough, and only while a trigger uses it. A changed object takes effect at once; while
// the API server is unavailable, the last version is used.
type Credentials struct {
	options             Options
	namespaced, cluster *namedObjects[types.NamespacedName, *v1alpha1.ClusterTriggerAuthenticationSpec]
	secrets, configMaps *namedObjects[types.NamespacedName, map[string]string]
	// accounts has the annotations of service accounts.
	accounts *namedObjects[types.NamespacedName, map[string]string]
	targets  *namedObjects[actuator.Target, *template]
	tokens   *tokens
	vaults   *vaults
}

// New returns Credentials. It does no I/O.
func New(o Options) *Credentials {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	core := o.Core.RESTClient()
	return &Credentials{
		options:    o,
		namespaced: newNamedObjects("trigger authentication", byName(o.Client, "triggerauthentications"), specOf),
		cluster:    newNamedObjects("cluster trigger authentication", byName(o.Client, "clustertriggerauthentications"), specOf),
		secrets:    newNamedObjects("secret", byName(core, "secrets"), dataOf),
		configMaps: newNamedObjects("config map", byName(core, "configmaps"), dataOf),
		accounts:   newNamedObjects("service account", byName(core, "serviceaccounts"), annotationsOf),
		targets:    newNamedObjects("target", source[actuator.Target]{key: targetKey, open: o.Watch}, templateOf),
		tokens:     newTokens(o.Core, o.Self),
		vaults:     newVaults(),
	}
}

// Wait waits until every watch has ended. All must have been closed.
func (c *Credentials) Wait() {
	for _, objects := range []interface{ Wait() }{c.namespaced.pool, c.cluster.pool, c.secrets.pool, c.configMaps.pool, c.accounts.pool, c.targets.pool} {
		objects.Wait()
	}
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

// dataOf returns the data of a Secret or ConfigMap. Its annotations, which may contain an older version, are not cached.
func dataOf(object any) (map[string]string, bool) {
	var raw map[string][]byte
	data := map[string]string{}
	switch o := object.(type) {
	case *corev1.Secret:
		raw = o.Data
	case *corev1.ConfigMap:
		raw = o.BinaryData
		maps.Copy(data, o.Data)
	default:
		return nil, false
	}
	for key, value := range raw {
		data[key] = string(value)
	}
	return data, true
}

// Use describes what a trigger needs.
type Use struct {
	// Target is the target of the trigger, and has the trigger's namespace. Container is the container whose variables metadata name;
	// "" is its first one.
	Target    actuator.Target
	Container string
	// Ref is the trigger's authenticationRef; nil for none.
	Ref *v1alpha1.AuthenticationRef
	// Variables maps parameters to the environment variables that the metadata name. Parameters of the authentication override them.
	Variables map[string]string
	// Servers receive the credentials; each is a URL or HOST:PORT.
	Servers []string
}

const clusterKind = "ClusterTriggerAuthentication"

// Open returns the credential of a trigger. It does no I/O: objects are watched from their first use on, until Close.
func (c *Credentials) Open(u Use) *Credential {
	k := &Credential{all: c, use: u, objectNamespace: u.Target.Namespace, changed: &changes{}, held: map[any]*reference{}}
	if u.Ref != nil && u.Ref.Kind == clusterKind {
		k.objectNamespace = c.options.ClusterNamespace
	}
	return k
}

// Identity identifies the source of a trigger's credentials. Triggers with the same identity share readings. Triggers in different
// namespaces do not, even with the same authentication, because it may be allowed in one of them only. Triggers of different targets do not
// either, unless shared is true. It is "" without credentials.
func (u Use) Identity(shared bool) string {
	id := ""
	if u.Ref != nil {
		kind := "TriggerAuthentication"
		if u.Ref.Kind == clusterKind {
			kind = clusterKind
		}
		id = kind + "/" + u.Target.Namespace + "/" + u.Ref.Name
	}
	if len(u.Variables) > 0 || u.Ref != nil && !shared {
		id += fmt.Sprintf(" %q %q %q", u.Target, u.Container, u.Variables)
	}
	return id
}
