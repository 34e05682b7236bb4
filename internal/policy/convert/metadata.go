package convert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Metadata removes from the triggers of one of KEDA's objects the parameters that have no effect there: those that their kinds do not
// have, and empty ones. It returns a note for each. Triggers of unknown types stay as they are.
func Metadata(spec *v1alpha1.ScaledObjectSpec, kinds []triggers.Kind) []diag.Error {
	var left diagnostics
	for i := range spec.Triggers {
		t := &spec.Triggers[i]
		at := slices.IndexFunc(kinds, func(k triggers.Kind) bool { return k.Name == t.Type })
		if at < 0 {
			continue
		}
		p := parameters{path: item("spec.triggers", i) + ".metadata.", kind: &kinds[at], notes: &left}
		t.Metadata = p.convert(t.Metadata)
	}
	return left
}

// parameters converts the metadata of one trigger.
type parameters struct {
	path  string
	kind  *triggers.Kind
	notes *diagnostics
}

// convert returns the parameters that have an effect. As in KEDA, spaces around a value do not belong to it.
func (p parameters) convert(old map[string]v1alpha1.Scalar) map[string]v1alpha1.Scalar {
	kept := map[string]v1alpha1.Scalar{}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		value := v1alpha1.Scalar(strings.TrimSpace(string(old[key])))
		base, fromEnv := strings.CutSuffix(key, triggers.VariableSuffix)
		_, given := old[base]
		switch {
		case value == "":
			p.notes.add(p.path+key, "is empty, which is the same as not given in KEDA", "it was removed")
		case p.isField(key):
			kept[key] = p.rounded(key, value)
		case key == "metricName":
			p.notes.add(p.path+key, "has no effect in KEDA any more", "it was removed")
		case fromEnv && p.mayBeVariable(base):
			if given {
				p.notes.add(p.path+key, base+" is given as well", "it was removed")
			} else {
				kept[key] = value
			}
		case p.isAuth(key):
			p.notes.add(p.path+key, "is a credential, which is not read from the metadata", "it was removed: an authenticationRef has it")
		default:
			p.reportUnknown(key)
		}
	}
	return kept
}

// rounded returns the value of a parameter with at most three places after the point if it is a number with more: KEDA rounds targets so
// for its HPA. A target that would be 0 stays, and is a mistake.
func (p parameters) rounded(key string, value v1alpha1.Scalar) v1alpha1.Scalar {
	isNumber := slices.ContainsFunc(p.kind.Fields, func(f triggers.Field) bool { return f.Key == key && f.Type == "number" })
	number, err := strconv.ParseFloat(string(value), 64)
	if _, inexact := scalers.ParseExact(string(value)); !isNumber || err != nil || inexact == nil {
		return value
	}
	near, err := scalers.ParseExact(strconv.FormatFloat(number, 'f', 3, 64))
	if err != nil || near == 0 && !strings.HasPrefix(key, "activation") {
		return value
	}
	p.notes.add(p.path+key, string(value)+" is finer than 0.001, the smallest step", "it is "+near.String()+" here")
	return v1alpha1.Scalar(near.String())
}

// reportUnknown reports a parameter that the kind does not have, with the one that was probably meant.
func (p parameters) reportUnknown(key string) {
	names := make([]string, len(p.kind.Fields))
	for i, f := range p.kind.Fields {
		names[i] = f.Key
	}
	suggestion := "it was removed"
	if near := diag.Nearest(key, names); near != "" {
		suggestion += "; " + diag.DidYouMean(near)
	}
	p.notes.add(p.path+key, "is no parameter of "+p.kind.Name+" and has no effect", suggestion)
}

// isField reports whether the kind has a parameter, or passes on any.
func (p parameters) isField(key string) bool {
	return slices.ContainsFunc(p.kind.Fields, func(f triggers.Field) bool { return f.Key == key || f.Type == triggers.AnyKey })
}

// mayBeVariable reports whether a parameter may have the value of an environment variable of the target.
func (p parameters) mayBeVariable(key string) bool {
	return p.isAuth(key) || slices.ContainsFunc(p.kind.Fields, func(f triggers.Field) bool { return f.Key == key && f.MayBeVariable() })
}

// isAuth reports whether the kind reads a parameter from an authenticationRef.
func (p parameters) isAuth(key string) bool {
	return slices.ContainsFunc(p.kind.Auth, func(a triggers.AuthParameter) bool { return a.Name == key })
}

// inEnvironment are the parameters whose value was the name of a variable of the workload in KEDA 1.
var inEnvironment = map[string][]string{
	"rabbitmq": {"host", "apiHost"}, "redis": {"address", "host", "port", "password"}, "redis-streams": {"address", "host", "port", "password"},
	"postgresql": {"connection", "password"}, "mysql": {"connectionString", "password"}, "azure-queue": {"connection"},
	"azure-blob": {"connection"}, "azure-servicebus": {"connection"}, "azure-eventhub": {"connection", "storageConnection"},
	"aws-sqs-queue": {"awsAccessKeyID", "awsSecretAccessKey"}, "mongodb": {"connectionString", "password"},
}

// KEDA1 gives the parameters of triggers the names that they have since KEDA 2.
func KEDA1(spec *v1alpha1.ScaledObjectSpec) []diag.Error {
	var left diagnostics
	for i := range spec.Triggers {
		t := &spec.Triggers[i]
		t.Metadata = maps.Clone(t.Metadata)
		rename := func(old, now string) {
			value, given := t.Metadata[old]
			if _, both := t.Metadata[now]; !given || both {
				return
			}
			delete(t.Metadata, old)
			t.Metadata[now] = value
			left.add(fmt.Sprintf("spec.triggers[%d].metadata.%s", i, old), "has another name in KEDA 2", "it is "+now)
		}
		for _, key := range inEnvironment[t.Type] {
			if len(validation.IsEnvVarName(string(t.Metadata[key]))) == 0 { // The first versions took the value itself, too.
				rename(key, key+triggers.VariableSuffix)
			}
		}
		if t.Type == "kafka" {
			rename("brokerList", "bootstrapServers")
		}
	}
	return left
}
