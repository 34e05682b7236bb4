package kedawatch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

const (
	// Label marks an object that was made from one of KEDA's.
	Label = v1alpha1.FromKEDALabel
	// versionAnnotation has the hash of what was applied, so that nothing is applied twice, and no field stays that the original has lost.
	versionAnnotation = "from-keda.impulse.sh/version"
)

// conversion is what one of KEDA's objects is converted to.
type conversion struct {
	object *unstructured.Unstructured
	// refused lists the mistakes for which there is no object; "" if there is one.
	refused string
	// notes has what was removed or differs.
	notes []diag.Error
}

// convert converts one of KEDA's objects, as impulse convert does.
func (w *Watcher) convert(original *unstructured.Unstructured) conversion {
	content, err := original.MarshalJSON()
	if err != nil {
		return conversion{refused: err.Error()}
	}
	converted, mistakes, err := manifest.Convert(content, w.options.Kinds, w.options.Settings)
	switch {
	case err != nil:
		return conversion{refused: err.Error()}
	case converted == nil:
		return conversion{refused: sentence(mistakes)}
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(converted.JSON); err != nil {
		return conversion{refused: err.Error()}
	}
	return conversion{object: derive(original, object), notes: converted.Notes}
}

// derive gives a converted object its metadata: only the annotations that Impulse reads, because others may have a meaning for the program
// that applies the original.
func derive(original, converted *unstructured.Unstructured) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": converted.Object["spec"]}}
	object.SetAPIVersion(ourGroup + "/" + version)
	object.SetKind(original.GetKind())
	object.SetNamespace(original.GetNamespace())
	object.SetName(original.GetName())
	labels := maps.Clone(original.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[Label] = "true"
	object.SetLabels(labels)
	yes := true
	object.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: original.GetAPIVersion(), Kind: original.GetKind(), Name: original.GetName(), UID: original.GetUID(), Controller: &yes,
	}})
	annotations := map[string]string{}
	for name, value := range original.GetAnnotations() {
		for _, group := range compile.AnnotationGroups {
			if strings.HasPrefix(name, group) {
				annotations[name] = value
			}
		}
	}
	object.SetAnnotations(annotations)
	annotations[versionAnnotation] = hash(object.Object)
	object.SetAnnotations(annotations)
	return object
}

// hash identifies the content of an object.
func hash(content map[string]any) string {
	text, err := json.Marshal(content)
	if err != nil {
		return "" // What came from YAML can be written as JSON.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// upToDate reports whether an object has what is to be applied. What others have added to it stays.
func upToDate(kept, wanted *unstructured.Unstructured) bool {
	return contains(kept.Object["spec"], wanted.Object["spec"]) &&
		contains(stringMap(kept.GetAnnotations()), stringMap(wanted.GetAnnotations())) &&
		contains(stringMap(kept.GetLabels()), stringMap(wanted.GetLabels()))
}

// contains reports whether a value has all fields of another, with their values. Lists are the same only with the same length.
func contains(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		for name, value := range want {
			if one, there := have[name]; !there || !contains(one, value) {
				return false
			}
		}
		return ok
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !contains(have[i], want[i]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(have, want)
	}
}

func stringMap(m map[string]string) map[string]any {
	all := make(map[string]any, len(m))
	for name, value := range m {
		all[name] = value
	}
	return all
}

// sentence joins mistakes with semicolons. Fields are enough: the object is the one that has the message.
func sentence(problems []diag.Error) string {
	var all []string
	for _, p := range problems {
		if p.Warning {
			continue
		}
		all = append(all, diag.Error{Field: p.Field, Problem: p.Problem, Suggestion: p.Suggestion}.Error())
	}
	return strings.Join(all, "; ")
}
