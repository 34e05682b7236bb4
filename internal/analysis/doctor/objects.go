package doctor

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// conditionsPage describes the reasons of conditions.
	conditionsPage = "docs/conditions.md"
	// observedWithin is the time within which a running Impulse has decided on a new object.
	observedWithin = time.Minute
	// maxMessage bounds a message of an object in a finding, in bytes.
	maxMessage = 300
)

// scaledObjects checks the objects: whether they are Ready, and whether their triggers are known.
func scaledObjects(in *Installation) []Finding {
	s := section{check: checkObjects}
	if in.Objects.Err != nil {
		s.notReadFor("the ScaledObjects", in.Objects.Err, "select a namespace that you may read with -n, or run it as another user")
		return s.all
	}
	objects := in.Objects.Value
	if len(objects) == 0 {
		s.ok("there is no ScaledObject%s yet", inNamespace(in.Namespace))
		return s.all
	}
	var releases []Release
	if in.Deployments.Err == nil {
		releases = Releases(in.Deployments.Value)
	}
	bad := 0
	for i := range objects {
		f, found := judge(&objects[i], in.Now, releases)
		if !found {
			continue
		}
		if bad++; bad <= maxObjects {
			s.all = append(s.all, f)
		}
	}
	if bad > maxObjects {
		s.problem(fmt.Sprintf("and %d more ScaledObjects", bad-maxObjects), "impulse get -A lists them all")
	}
	if good := len(objects) - bad; good > 0 {
		s.ok("Ready: %d of %d ScaledObjects%s", good, len(objects), inNamespace(in.Namespace))
	}
	return s.all
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// judge returns what is wrong with an object, and whether something is.
func judge(so *v1alpha1.ScaledObject, now time.Time, releases []Release) (Finding, bool) {
	f := Finding{Check: checkObjects, Result: Problem, Page: conditionsPage, Remedy: fmt.Sprintf("impulse explain %s/%s", so.Namespace, so.Name)}
	name := fmt.Sprintf("ScaledObject %s/%s", so.Namespace, so.Name)
	ready := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionReady)
	able := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionAbleToScale)
	stale := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionAlertStale)
	switch {
	case so.Status.ObservedGeneration < so.Generation && now.Sub(changed(so)) > observedWithin:
		f.Message, f.Page = name+" has a version on which Impulse has not decided", page+"#"+string(checkObjects)
		f.Remedy = "make sure that a replica leads (see Leader)"
		if len(releases) > 0 && responsible(releases, so.Namespace) == nil {
			f.Remedy = fmt.Sprintf("no release scales namespace %s: install one with scope.namespace=%s, or one for all namespaces", so.Namespace, so.Namespace)
		}
	case so.Status.ObservedGeneration < so.Generation || ready == nil:
		f.Result, f.Message, f.Remedy = Unknown, name+" is new: Impulse has not decided on it yet", "run impulse doctor again in a minute"
	case ready.Status == metav1.ConditionTrue && stale != nil && stale.Status == metav1.ConditionTrue:
		f.Result, f.Message, f.Remedy = Warning, fmt.Sprintf("%s has a stale alert: %s", name, text(stale.Message)), "make sure that Alertmanager still posts (see Alertmanager), and set ttl to 3 × repeat_interval"
	case ready.Status == metav1.ConditionTrue && able != nil && able.Reason == v1alpha1.ReasonContested:
		f.Result, f.Message = Warning, fmt.Sprintf("another client changes the count of %s: %s", name, text(able.Message))
		f.Remedy = "find the client in managedFields of the target, and stop one of the two"
	case ready.Status == metav1.ConditionTrue:
		return f, false
	case ready.Reason == v1alpha1.ReasonWaitingForTriggers:
		f.Result, f.Message = Unknown, name+" waits for the first reading of its triggers"
	default:
		f.Message = fmt.Sprintf("%s is not Ready: %s: %s", name, ready.Reason, text(ready.Message))
		if failing := failing(so); ready.Reason == v1alpha1.ReasonTriggerFailed && failing != "" {
			f.Message = fmt.Sprintf("%s is not Ready: %s", name, failing)
		}
	}
	return f, true
}

// changed is when an object was changed last, as far as it is known.
func changed(so *v1alpha1.ScaledObject) time.Time {
	last := so.CreationTimestamp.Time
	for i := range so.ManagedFields {
		if m := &so.ManagedFields[i]; m.Subresource == "" && m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}

// failing describes the triggers that are unknown.
func failing(so *v1alpha1.ScaledObject) string {
	var all []string
	for i := range so.Status.Triggers {
		if t := &so.Status.Triggers[i]; t.LastError != "" {
			all = append(all, fmt.Sprintf("trigger %s cannot be read: %s", t.Name, text(t.LastError)))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return v1alpha1.ReasonTriggerFailed + ": " + list(all, maxFields)
}

// text makes text from outside one line of bounded length.
func text(s string) string { return printable.Line(s, maxMessage) }

// target is the object that something scales. An object is the same in each version of its group.
type target struct{ namespace, group, kind, name string }

func (t target) String() string { return fmt.Sprintf("%s %s/%s", t.kind, t.namespace, t.name) }

// targetOf returns the target of an object, with the defaults of the API.
func targetOf(so *v1alpha1.ScaledObject) target {
	ref := &so.Spec.ScaleTargetRef
	return newTarget(so.Namespace, ref.APIVersion, ref.Kind, ref.Name)
}

func newTarget(namespace, apiVersion, kind, name string) target {
	if apiVersion == "" && (kind == "" || kind == "Deployment") {
		apiVersion = "apps/v1"
	}
	if kind == "" {
		kind = "Deployment"
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		gv.Group = strings.TrimSpace(apiVersion) // It matches no other.
	}
	return target{namespace, gv.Group, kind, name}
}
