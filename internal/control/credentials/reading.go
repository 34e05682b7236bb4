package credentials

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// reading reads parameters once.
type reading struct {
	ctx context.Context //nolint:containedctx // The context of one call of Secrets.
	k   *Credential
	// wanted are the parameters to read; all if it is empty.
	wanted []string
	values map[string]string
	// data has the objects that were read, by the pool and their name.
	data map[any]map[string]string
	// stale is the reason why secrets of a vault are older than they should be; nil if they are not.
	stale error
}

// wants reports whether a parameter is to be read.
func (r *reading) wants(parameter string) bool {
	return len(r.wanted) == 0 || slices.Contains(r.wanted, parameter)
}

// read reads the parameters that an authentication defines.
func (r *reading) read(spec *v1alpha1.ClusterTriggerAuthenticationSpec) error {
	var err error
	if spec.FilePath != "" {
		err = r.readFile(spec.FilePath)
	} else {
		err = r.readObjects(&spec.TriggerAuthenticationSpec)
	}
	if err != nil {
		return err
	}
	return r.readIdentity(spec.PodIdentity)
}

// readObjects reads the parameters that objects, and the authentication itself, have.
func (r *reading) readObjects(spec *v1alpha1.TriggerAuthenticationSpec) error {
	for _, e := range spec.Env {
		if err := r.set(e.Parameter, func() (string, bool, error) { return r.variable(e.ContainerName, e.Name) }); err != nil {
			return err
		}
	}
	for _, from := range spec.ConfigMapTargetRef {
		if err := r.set(from.Parameter, func() (string, bool, error) { return r.key(r.k.all.configMaps, from) }); err != nil {
			return err
		}
	}
	for _, from := range spec.SecretTargetRef {
		if err := r.set(from.Parameter, func() (string, bool, error) { return r.key(r.k.all.secrets, from) }); err != nil {
			return err
		}
	}
	if err := r.readHashiCorp(spec.HashiCorpVault); err != nil {
		return err
	}
	if err := r.readClouds(spec); err != nil {
		return err
	}
	for _, from := range spec.BoundServiceAccountToken {
		if err := r.set(from.Parameter, func() (string, bool, error) { return r.token(from) }); err != nil {
			return err
		}
	}
	if err := r.readOAuth2(spec.OAuth2); err != nil {
		return err
	}
	return r.readServicePrincipal(spec.AzureServicePrincipal)
}

// readVariables reads the parameters that metadata take from environment variables.
func (r *reading) readVariables(variables map[string]string) error {
	for _, parameter := range slices.Sorted(maps.Keys(variables)) {
		err := r.set(parameter, func() (string, bool, error) {
			value, defined, err := r.variable(r.k.use.Container, variables[parameter])
			if err == nil && !defined {
				err = fmt.Errorf("the container of %s does not define the environment variable %s", r.k.use.Target, variables[parameter])
			}
			return value, defined, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// set sets a parameter, if it is wanted, to what value returns. White space alone is as good as no value, as in KEDA: nothing is sent for it,
// and it replaces no other value.
func (r *reading) set(parameter string, value func() (text string, defined bool, err error)) error {
	if !r.wants(parameter) {
		return nil
	}
	text, defined, err := value()
	if err != nil {
		return fmt.Errorf("parameter %s: %w", parameter, err)
	}
	if defined && strings.TrimSpace(text) != "" {
		r.values[parameter] = text
	}
	return nil
}

// key returns the value of a key of a Secret or ConfigMap.
func (r *reading) key(objects *namedObjects[types.NamespacedName, map[string]string], from v1alpha1.KeyRef) (string, bool, error) {
	value, err := r.dataKey(objects, types.NamespacedName{Namespace: r.k.objectNamespace, Name: from.Name}, from.Key)
	return value, true, err
}

// dataKey is key for any name. A missing object or key is a missingError.
func (r *reading) dataKey(objects *namedObjects[types.NamespacedName, map[string]string], name types.NamespacedName, key string) (string, error) {
	data, err := r.object(objects, name)
	if err != nil {
		return "", err
	}
	value, ok := data[key]
	if !ok {
		return "", missingError(fmt.Sprintf("%s %s has no key %s", objects.kind, path(name), key))
	}
	return value, nil
}

// object returns the data of an object, which are the same until the end of the reading.
func (r *reading) object(objects *namedObjects[types.NamespacedName, map[string]string], name types.NamespacedName) (map[string]string, error) {
	id := place[types.NamespacedName]{objects, name}
	if data, ok := r.data[id]; ok {
		return data, nil
	}
	data, err := get(r.ctx, r.k, objects, name)
	if err == nil {
		r.data[id] = data
	}
	return data, err
}

// readOAuth2 reads the parameters of a client of OAuth 2, by KEDA's names.
func (r *reading) readOAuth2(o *v1alpha1.OAuth2) error {
	if o == nil {
		return nil
	}
	parameters := url.Values{}
	for key, value := range o.TokenURLParams {
		parameters.Set(key, value)
	}
	for parameter, value := range map[string]string{
		"oauthTokenURI": o.TokenURL, "clientID": o.ClientID, "scopes": strings.Join(o.Scopes, ","), "endpointParams": parameters.Encode(),
	} {
		if value != "" && r.wants(parameter) {
			r.values[parameter] = value
		}
	}
	from := o.ClientSecret.ValueFrom.SecretKeyRef
	return r.set("clientSecret", func() (string, bool, error) {
		return r.key(r.k.all.secrets, v1alpha1.KeyRef{Name: from.Name, Key: from.Key})
	})
}

// variable returns an environment variable of a container of the target, and whether it is defined.
func (r *reading) variable(container, name string) (string, bool, error) {
	target, err := get(r.ctx, r.k, r.k.all.targets, r.k.use.Target)
	if err != nil {
		return "", false, err
	}
	env, err := target.container(container)
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", r.k.use.Target, err)
	}
	namespace := r.k.use.Target.Namespace
	return env.variable(name, func(from objectRef) (map[string]string, error) {
		objects := r.k.all.configMaps
		if from.secret {
			objects = r.k.all.secrets
		}
		return r.object(objects, types.NamespacedName{Namespace: namespace, Name: from.name})
	})
}

// targetKey returns the namespace and name of a target.
func targetKey(t actuator.Target) types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}
