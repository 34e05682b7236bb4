package triggers

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// VariableSuffix ends the keys of metadata whose values are names of environment variables of the target's container, as in KEDA:
// passwordFromEnv is the variable that has the password.
const VariableSuffix = "FromEnv"

// Variables are the environment variables that the metadata of a trigger name. Both maps are nil if there are none.
type Variables struct {
	// Metadata maps keys of the metadata to the variables that have their values. The config needs them: see Kind.DecodeWith.
	Metadata map[string]string
	// Auth maps parameters of Kind.Auth to the variables that have their values. Env.Secrets reads them.
	Auth map[string]string
}

// Variables returns the environment variables that metadata name. The metadata must be valid.
func (k Kind) Variables(metadata map[string]string) Variables {
	_, v, _ := k.split(metadata)
	return v
}

// DecodeWith is Decode with the values of Variables.Metadata, by their keys. Its errors could repeat a value, which may be a secret.
func (k Kind) DecodeWith(metadata, values map[string]string) (Config, error) {
	resolved, _, mistakes := k.split(metadata)
	if k.anyKey() {
		resolved = k.ForKEDA(metadata, values)
	} else {
		resolved = maps.Clone(resolved)
		maps.Copy(resolved, values)
	}
	return k.decodeLiteral(resolved, nil, mistakes)
}

// ForKEDA returns metadata as a scaler of KEDA gets them: the values of Variables.Metadata have the keys as they are written, …FromEnv. The
// keys of Variables.Auth are missing, because Env.Secrets has their values.
func (k Kind) ForKEDA(metadata, values map[string]string) map[string]string {
	literal, _, _ := k.split(metadata)
	resolved := maps.Clone(literal)
	for key, value := range values {
		resolved[key+VariableSuffix] = value
	}
	return resolved
}

// decodeLiteral decodes metadata without variables. The keys in later get their values later.
func (k Kind) decodeLiteral(metadata, later map[string]string, mistakes []error) (Config, error) {
	config, err := k.decode(metadata, later)
	if err = errors.Join(append(mistakes, err)...); err != nil {
		return nil, err
	}
	return config, nil
}

// MayBeVariable reports whether metadata may take the value of the field from an environment variable.
func (f Field) MayBeVariable() bool { return f.Type == "text" || f.Type == "list" }

// split returns the metadata without the keys that name variables, these variables, and the mistakes in them.
func (k Kind) split(metadata map[string]string) (map[string]string, Variables, []error) {
	literal, v := metadata, Variables{}
	var mistakes []error
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		base, ok := strings.CutSuffix(key, VariableSuffix)
		auth := slices.ContainsFunc(k.Auth, func(p AuthParameter) bool { return p.Name == base })
		text := slices.ContainsFunc(k.Fields, func(f Field) bool { return f.Key == base && f.MayBeVariable() || f.Type == AnyKey })
		if !ok || base == "" || !auth && !text || slices.ContainsFunc(k.Fields, func(f Field) bool { return f.Key == key }) {
			continue
		}
		if len(literal) == len(metadata) {
			literal = maps.Clone(metadata)
		}
		delete(literal, key)
		name := strings.TrimSpace(metadata[key])
		if _, both := metadata[base]; both && !k.anyKey() {
			mistakes = append(mistakes, &FieldError{Field: key, Problem: base + " is given as well", Suggestion: "leave out one of them"})
			continue
		}
		if name == "" {
			mistakes = append(mistakes, &FieldError{Field: key, Problem: "is empty", Suggestion: "write the name of an environment variable of the target's container"})
			continue
		}
		if auth {
			v.Auth = with(v.Auth, base, name)
		} else {
			v.Metadata = with(v.Metadata, base, name)
		}
	}
	return literal, v, mistakes
}

// anyKey reports whether the kind allows all keys.
func (k Kind) anyKey() bool {
	return slices.ContainsFunc(k.Fields, func(f Field) bool { return f.Type == AnyKey })
}

// with adds an entry to a map, which may be nil.
func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
