package compile

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// The bounds of the CRD, for objects that come from files.
const (
	maxTriggerName = 63
	maxPolicies = 16
)

// checkTrigger says what the CRD would say of a trigger, whatever its kind.
func checkTrigger(path string, t *v1alpha1.Trigger, wrong *errorList) {
	if len(t.Name) > maxTriggerName {
		wrong.add(path+".name", fmt.Sprintf("is longer than %d characters", maxTriggerName), "")
	}
	ref := t.AuthenticationRef
	if ref == nil {
		return
	}
	if ref.Name == "" {
		wrong.add(path+".authenticationRef.name", "is required", "")
	}
	switch ref.Kind {
	case "", "TriggerAuthentication", "ClusterTriggerAuthentication":
	default:
		wrong.add(path+".authenticationRef.kind", fmt.Sprintf("%q is unknown", ref.Kind), "TriggerAuthentication or ClusterTriggerAuthentication")
	}
}
