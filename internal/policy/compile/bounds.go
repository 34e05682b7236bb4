package compile

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Bounds of the CRD, for objects from files.
const (
	maxTriggerName = 63
	maxPolicies    = 16
)

// checkTrigger reports what the API server would report of a trigger by the CRD, whatever its kind.
func checkTrigger(path string, t *v1alpha1.Trigger, errs *errorList) {
	if len(t.Name) > maxTriggerName {
		errs.add(path+".name", fmt.Sprintf("is longer than %d characters", maxTriggerName), "")
	}
	ref := t.AuthenticationRef
	if ref == nil {
		return
	}
	if ref.Name == "" {
		errs.add(path+".authenticationRef.name", "is required", "")
	}
	switch ref.Kind {
	case "", "TriggerAuthentication", "ClusterTriggerAuthentication":
	default:
		errs.add(path+".authenticationRef.kind", fmt.Sprintf("%q is unknown", ref.Kind), "TriggerAuthentication or ClusterTriggerAuthentication")
	}
}
