package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// Results of reviews, which are labels of a metric.
const (
	resultAdmitted = "admitted" // Without a warning.
	resultWarned   = "warned"
	resultRefused  = "refused"
	resultExempt   = "exempt" // Not checked.
	resultInvalid  = "invalid"
)

// verdict is the result of a review. It refuses if it has mistakes.
type verdict struct {
	exempt             bool
	mistakes, warnings []diag.Error
}

func (v *verdict) result() string {
	switch {
	case v.exempt:
		return resultExempt
	case len(v.mistakes) > 0:
		return resultRefused
	case len(v.warnings) > 0:
		return resultWarned
	default:
		return resultAdmitted
	}
}

// refuse adds a mistake, or a warning if certain is false.
func (v *verdict) refuse(certain bool, m diag.Error) {
	if certain {
		v.mistakes = append(v.mistakes, m)
	} else {
		v.warnings = append(v.warnings, m)
	}
}

// review is one request with its objects.
type review struct {
	request *admissionv1.AdmissionRequest
	// object is the new version, and old the stored one; nil for a new object.
	object, old *unstructured.Unstructured
}

// newReview decodes the objects of a request.
func newReview(request *admissionv1.AdmissionRequest) (*review, error) {
	r := &review{request: request}
	var err error
	if r.object, err = decode(request.Object.Raw); err != nil {
		return nil, fmt.Errorf("decode the object: %w", err)
	}
	if request.Operation == admissionv1.Update {
		if r.old, err = decode(request.OldObject.Raw); err != nil {
			return nil, fmt.Errorf("decode the stored object: %w", err)
		}
	}
	return r, nil
}

// decode decodes an object. Numbers stay as they are written.
func decode(raw []byte) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&o.Object); err != nil {
		return nil, err
	}
	return o, nil
}

// exempt reports whether a request is admitted without a check. A mistake in an object that is being deleted must not delay the deletion.
// The objects that `impulse run --watch-keda` keeps are checked when they are converted.
func exempt(request *admissionv1.AdmissionRequest, object *unstructured.Unstructured) bool {
	return object.GetDeletionTimestamp() != nil || object.GetLabels()[v1alpha1.FromKEDALabel] == "true" || request.SubResource != ""
}

// sameSpec reports whether an update leaves the spec as it is.
func (r *review) sameSpec() bool {
	return r.old != nil && reflect.DeepEqual(r.object.Object["spec"], r.old.Object["spec"])
}

// sameTarget reports whether an update leaves the target as it is. Conflicts over it existed before, or came up without this update.
func (r *review) sameTarget() bool {
	if r.old == nil {
		return false
	}
	now, _, _ := unstructured.NestedFieldNoCopy(r.object.Object, "spec", "scaleTargetRef")
	before, _, _ := unstructured.NestedFieldNoCopy(r.old.Object, "spec", "scaleTargetRef")
	return reflect.DeepEqual(now, before)
}

// adopting reports whether `impulse adopt` writes the object. It removes the HPA itself, once Impulse has decided on a count.
func (r *review) adopting() bool {
	var options metav1.CreateOptions
	_ = json.Unmarshal(r.request.Options.Raw, &options) // Without options, no field manager is known.
	return options.FieldManager == v1alpha1.AdoptFieldManager || slices.ContainsFunc(r.object.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == v1alpha1.AdoptFieldManager
	})
}

// content returns the JSON of what `impulse check` reads of the object.
func (r *review) content() ([]byte, error) {
	o := r.object.DeepCopy()
	o.SetManagedFields(nil)
	unstructured.RemoveNestedField(o.Object, "status")
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	if r.request.Namespace != "" {
		o.SetNamespace(r.request.Namespace)
	}
	return json.Marshal(o.Object)
}

// check returns the verdict about one request.
func (s *Reviewer) check(ctx context.Context, request *admissionv1.AdmissionRequest) (*verdict, error) {
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update {
		return &verdict{exempt: true}, nil
	}
	r, err := newReview(request)
	if err != nil {
		return nil, err
	}
	if exempt(request, r.object) {
		return &verdict{exempt: true}, nil
	}
	content, err := r.content()
	if err != nil {
		return nil, fmt.Errorf("encode the object: %w", err)
	}
	found := manifest.Review(content, s.options.Cluster)
	v := &verdict{warnings: found.Warnings}
	for _, m := range found.Mistakes {
		v.refuse(!unknownAnnotation(m), m)
	}
	if o := found.Object; o != nil && o.ScaledObject != nil {
		s.checkTarget(r, o.ScaledObject, v)
		if found.Workload != nil && !r.sameSpec() {
			s.checkRequests(ctx, o.ScaledObject, found.Workload, v)
		}
	}
	if r.sameSpec() {
		v.mistakes, v.warnings = nil, append(v.mistakes, v.warnings...)
	}
	return v, nil
}

// unknownAnnotation reports whether a mistake is an annotation that nobody reads. Impulse scales such an object, so it is admitted.
func unknownAnnotation(m diag.Error) bool {
	return strings.HasPrefix(m.Field, "metadata.annotations.") && m.Problem == manifest.UnknownAnnotation
}
