package credentials

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// template has the containers of a target's pods, and the name of their service account.
type template struct {
	containers []container
	account    string
}

// container is a container's environment.
type container struct {
	name    string
	env     []corev1.EnvVar
	envFrom []corev1.EnvFromSource
}

// objectRef refers to a Secret or ConfigMap in the namespace of the target.
type objectRef struct {
	secret bool
	name   string
}

// templateOf returns the pod template of a target: of spec.template, which all workloads that have one have in common.
func templateOf(object any) (*template, bool) {
	o, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil, false
	}
	spec, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	var pod corev1.PodSpec
	if err != nil || runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &pod) != nil {
		return &template{}, true
	}
	t := &template{account: cmp.Or(pod.ServiceAccountName, "default")}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		t.containers = append(t.containers, container{name: c.Name, env: c.Env, envFrom: c.EnvFrom})
	}
	return t, true
}

// container returns a container by its name, or the first one for "".
func (t *template) container(name string) (*container, error) {
	var names []string
	for i := range t.containers {
		if c := &t.containers[i]; name == "" || c.name == name {
			return c, nil
		}
		names = append(names, t.containers[i].name)
	}
	if len(names) == 0 {
		return nil, errors.New("it has no pod template in spec.template")
	}
	return nil, fmt.Errorf("it has no container %s: it has %s", name, strings.Join(names, ", "))
}

// maxExpanded bounds the total size of the values that one variable needs, because references to others can multiply them.
const maxExpanded = 1 << 20

// variable returns the value that Kubernetes gives an environment variable, and whether the container defines it. data returns the data of
// a Secret or ConfigMap.
func (c *container) variable(name string, data func(objectRef) (map[string]string, error)) (string, bool, error) {
	e := &expansion{container: c, data: data, values: map[int]string{}}
	return e.before(len(c.env), name)
}

// expansion computes the value of one variable.
type expansion struct {
	*container

	data func(objectRef) (map[string]string, error)
	// values are the expanded values of entries, and size is the sum of their sizes.
	values map[int]string
	size   int
}

// before returns the value that a variable has before the entry at index end: of the last entry of that name, or else of the last source
// of variables that has it.
func (e *expansion) before(end int, name string) (string, bool, error) {
	for i, entry := range slices.Backward(e.env[:end]) {
		if entry.Name != name {
			continue
		}
		if entry.ValueFrom == nil {
			value, err := e.expanded(i)
			return value, true, err
		}
		value, defined, err := valueFrom(entry.ValueFrom, e.data)
		if err != nil || defined {
			return value, defined, wrapVariable(name, err)
		}
		// It is optional and does not exist: as if the entry were not there.
	}
	for _, source := range slices.Backward(e.envFrom) {
		value, defined, err := fromSource(source, name, e.data)
		if err != nil || defined {
			return value, defined, wrapVariable(name, err)
		}
	}
	return "", false, nil
}

// expanded returns the value of the entry at index i, in which each reference to another variable, of the entries before, is replaced.
func (e *expansion) expanded(i int) (string, error) {
	if value, ok := e.values[i]; ok {
		return value, nil
	}
	value, err := expand(e.env[i].Value, func(other string) (string, bool, error) { return e.before(i, other) })
	if err != nil {
		return "", err
	}
	if e.size += len(value); e.size > maxExpanded {
		return "", fmt.Errorf("environment variable %s: with the variables to which it refers, it has more than %d bytes", e.env[i].Name, maxExpanded)
	}
	e.values[i] = value
	return value, nil
}

// wrapVariable adds the name of a variable to an error.
func wrapVariable(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("environment variable %s: %w", name, err)
}

// valueFrom returns the value of a key of a Secret or ConfigMap. It is not defined if it is optional and does not exist.
func valueFrom(from *corev1.EnvVarSource, data func(objectRef) (map[string]string, error)) (string, bool, error) {
	var ref objectRef
	var key string
	var optional *bool
	switch {
	case from.SecretKeyRef != nil:
		ref, key, optional = objectRef{true, from.SecretKeyRef.Name}, from.SecretKeyRef.Key, from.SecretKeyRef.Optional
	case from.ConfigMapKeyRef != nil:
		ref, key, optional = objectRef{false, from.ConfigMapKeyRef.Name}, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional
	default:
		return "", false, errors.New("its value comes from a running pod, not from a Secret or ConfigMap")
	}
	values, err := data(ref)
	if value, ok := values[key]; err == nil && ok {
		return value, true, nil
	}
	if err == nil {
		err = missingError(fmt.Sprintf("%s has no key %s", ref, key))
	}
	return "", false, unlessOptional(err, optional)
}

// fromSource returns a variable that is a key of a Secret or ConfigMap.
func fromSource(source corev1.EnvFromSource, name string, data func(objectRef) (map[string]string, error)) (string, bool, error) {
	key, ok := strings.CutPrefix(name, source.Prefix)
	var ref objectRef
	var optional *bool
	switch {
	case !ok:
		return "", false, nil
	case source.SecretRef != nil:
		ref, optional = objectRef{true, source.SecretRef.Name}, source.SecretRef.Optional
	case source.ConfigMapRef != nil:
		ref, optional = objectRef{false, source.ConfigMapRef.Name}, source.ConfigMapRef.Optional
	default:
		return "", false, nil
	}
	values, err := data(ref)
	value, ok := values[key]
	return value, ok, unlessOptional(err, optional)
}

// unlessOptional returns an error, but nil for a missing object or key that is optional.
func unlessOptional(err error, optional *bool) error {
	if _, missing := errors.AsType[missingError](err); missing && optional != nil && *optional {
		return nil
	}
	return err
}

// String returns the kind and the name.
func (r objectRef) String() string {
	if r.secret {
		return "secret " + r.name
	}
	return "config map " + r.name
}

// expand replaces each $(NAME) in a value by the variable of that name, as Kubernetes does: $$ stands for $, and a reference to a variable
// that is not defined stays as it is.
func expand(value string, variable func(name string) (string, bool, error)) (string, error) {
	var b strings.Builder
	for {
		at := strings.IndexByte(value, '$')
		if at < 0 || at+1 == len(value) || b.Len() > maxExpanded {
			b.WriteString(value)
			return b.String(), nil
		}
		b.WriteString(value[:at])
		value = value[at:]
		end := strings.IndexByte(value, ')')
		switch {
		case value[1] == '$':
			b.WriteByte('$')
			value = value[2:]
		case value[1] == '(' && end > 0:
			replacement, defined, err := variable(value[2:end])
			if err != nil {
				return "", err
			}
			if !defined {
				replacement = value[:end+1]
			}
			b.WriteString(replacement)
			value = value[end+1:]
		default:
			b.WriteByte('$')
			value = value[1:]
		}
	}
}
