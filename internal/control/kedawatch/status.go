package kedawatch

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/printable"
)

// longestMessage bounds the message of a condition.
const longestMessage = 1000

// refusal is the reason for which the newest version of an object is not in effect; its zero value means that it is.
type refusal struct {
	reason, message string
	// older means that an older version is in effect.
	older bool
}

// condition has the fields of KEDA's conditions.
type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// report reports the state of an object: a new refusal as an Event, and for a ScaledObject everything in its status.
func (r *run) report(ctx context.Context, k key, original, kept *unstructured.Unstructured, refused refusal) error {
	if r.isNew(r.reported, k, refused.reason+refused.message) && refused.message != "" {
		r.options.Log.Warn("the newest version of an object of KEDA is not in effect", "object", k.String(), "reason", refused.reason, "message", refused.message)
		r.events.event(original, true, refused.reason, refused.message)
	}
	if k.kind != scaledObject {
		return nil // KEDA's authentications have no conditions.
	}
	status := statusOf(original, kept, refused)
	if unchanged(original, status) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": original.GetUID()}, "status": status})
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	err = r.write(ctx, func(ctx context.Context) error {
		_, err := r.of(k, kedaGroup).Patch(ctx, k.name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: Manager}, "status")
		return err
	})
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("write the status: %w", err)
}

// isNew records the newest text about an object, and reports whether it is another one than before.
func (r *run) isNew(last map[key]string, k key, text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last[k] == text {
		return false
	}
	if last[k] = text; text == "" {
		delete(last, k)
	}
	return true
}

// forget forgets what was reported about an object that is gone.
func (r *run) forget(k key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reported, k)
	delete(r.noted, k)
}

// statusOf returns the fields of KEDA's status that are written. kept is nil without an object in effect.
func statusOf(original, kept *unstructured.Unstructured, refused refusal) map[string]any {
	all := []condition{
		{Type: "Ready", Status: "Unknown"},
		{Type: "Active", Status: "Unknown"},
		{Type: "Fallback", Status: "False", Reason: "NoFallbackFound"},
		{Type: "Paused", Status: "False"},
	}
	status := map[string]any{}
	if kept != nil {
		for i, kind := range []string{"Ready", "Active", "", "Paused"} {
			if c, ok := conditionOf(kept, kind); ok {
				all[i] = c
			}
		}
		if fallsBack(kept) {
			all[2] = condition{Type: "Fallback", Status: "True", Reason: "FallbackExists"}
		}
		if n, ok, _ := unstructured.NestedInt64(kept.Object, "status", "originalReplicaCount"); ok {
			status["originalReplicaCount"] = n
		}
	}
	if refused.reason != "" {
		message := refused.message
		if refused.older {
			message = "the last valid version stays in effect: " + message // First, because the message may be cut.
		}
		all[0] = condition{Type: "Ready", Status: "False", Reason: refused.reason, Message: printable.Line(message, longestMessage)}
	}
	status["conditions"] = all
	status["scaleTargetKind"] = targetKind(original)
	status["triggersTypes"], status["authenticationsTypes"] = triggersOf(original)
	if before, _ := conditionOf(original, "Active"); before.Status != all[1].Status && (before.Status == "True" || all[1].Status == "True") {
		status["lastActiveTime"] = time.Now().UTC().Format(time.RFC3339)
	}
	return status
}

// unchanged reports whether an object has this status. The message of a condition other than Ready is not compared: it may contain a level, and
// would change at each reading.
func unchanged(original *unstructured.Unstructured, status map[string]any) bool {
	all, _ := status["conditions"].([]condition)
	for i := range all {
		have, ok := conditionOf(original, all[i].Type)
		if all[i].Type != "Ready" {
			have.Message = all[i].Message
		}
		if !ok || have != all[i] {
			return false
		}
	}
	for name, value := range status {
		if have, _, _ := unstructured.NestedFieldNoCopy(original.Object, "status", name); name != "conditions" && !reflect.DeepEqual(have, value) {
			return false
		}
	}
	return true
}

// conditionOf returns a condition of an object.
func conditionOf(o *unstructured.Unstructured, kind string) (condition, bool) {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, one := range all {
		m, _ := one.(map[string]any)
		text := func(field string) string { value, _ := m[field].(string); return value }
		if text("type") == kind && kind != "" {
			return condition{Type: kind, Status: text("status"), Reason: text("reason"), Message: text("message")}, true
		}
	}
	return condition{}, false
}

// fallsBack reports whether the fallback determines what at least one trigger asks for.
func fallsBack(kept *unstructured.Unstructured) bool {
	all, _, _ := unstructured.NestedSlice(kept.Object, "status", "triggers")
	return slices.ContainsFunc(all, func(one any) bool {
		trigger, _ := one.(map[string]any)
		return trigger["fallback"] == true
	})
}

// targetKind returns the API version and kind of the target, in the form of KEDA.
func targetKind(original *unstructured.Unstructured) string {
	api, _, _ := unstructured.NestedString(original.Object, "spec", "scaleTargetRef", "apiVersion")
	kind, _, _ := unstructured.NestedString(original.Object, "spec", "scaleTargetRef", "kind")
	if api == "" {
		api = "apps/v1"
	}
	if kind == "" {
		kind = "Deployment"
	}
	return api + "." + kind
}

// triggersOf returns the types of the triggers and the names of their authentications, each once.
func triggersOf(original *unstructured.Unstructured) (kinds, authentications string) {
	var ofTriggers, names []string
	all, _, _ := unstructured.NestedSlice(original.Object, "spec", "triggers")
	for _, one := range all {
		trigger, _ := one.(map[string]any)
		kind, _ := trigger["type"].(string)
		if !slices.Contains(ofTriggers, kind) {
			ofTriggers = append(ofTriggers, kind)
		}
		if name, ok, _ := unstructured.NestedString(trigger, "authenticationRef", "name"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(ofTriggers, ","), strings.Join(names, ",")
}
