package compile

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Workload is one compiled ScaledObject.
type Workload struct {
	Namespace, Name string
	UID             types.UID
	Generation      int64
	// Labels are the labels of the object, for the filters of notifications.
	Labels map[string]string
	Target actuator.Target
	// Container is the container of the target whose environment variables triggers name; "" is its first one.
	Container string
	Policy    *scalers.Policy
	// UnknownAnnotations describes annotations that seem to be meant for Impulse, and have no effect; "" when there are none.
	UnknownAnnotations string
	// DryRun means that decisions are made and reported, but not written.
	DryRun bool
	// DryRunOfAll means that DryRun holds for all workloads of the process.
	DryRunOfAll bool
	// Shadow is the policy that decides beside this one, without writing; nil for none.
	Shadow *Workload
	// Triggers are in the order of the spec. Policy.Triggers has the same order, with the composite trigger of a formula, which has no
	// source, at the end.
	Triggers []Trigger
	// paused maps the short name of each annotation that pauses the object, such as paused-replicas, to the full name, such as
	// impulse.sh/paused-replicas.
	paused map[string]string
	// pauseMistake is the mistake in the end of the pause; nil if there is none.
	pauseMistake *diag.Error
}

// Key returns namespace/name.
func (w *Workload) Key() string { return w.Namespace + "/" + w.Name }

// NeedsPods reports whether the level of at least one trigger depends on the target's pods.
func (w *Workload) NeedsPods() bool {
	for i := range w.Policy.Triggers {
		if t := &w.Policy.Triggers[i]; t.PerPod || t.Metric == scalers.Value && !t.Exact {
			return true
		}
	}
	return false
}

// Trigger is one compiled trigger.
type Trigger struct {
	Name            string
	Kind            triggers.Kind
	Config          triggers.Config
	PollingInterval time.Duration
	// Cached is useCachedMetrics of the spec.
	Cached bool
	Auth   *v1alpha1.AuthenticationRef
	// Variables are the environment variables that the metadata name.
	Variables triggers.Variables
	// Metadata is nil if Config has all that the source needs.
	Metadata map[string]string
}

// needsMetadata reports whether the source needs the metadata as they are written: because of variables in them, or because the KEDA bridge
// reads the trigger, as its credentials may demand.
func (t *Trigger) needsMetadata() bool {
	if len(t.Variables.Metadata) > 0 {
		return true
	}
	mayDemand := t.Kind.Limits != nil && (t.Auth != nil || len(t.Variables.Auth) > 0)
	return mayDemand || t.Kind.Limit(t.Config, triggers.Login{}) != (triggers.Limit{})
}

// DryRunMessage returns the reason why nothing is written for a workload with DryRun.
func (w *Workload) DryRunMessage() string {
	if w.DryRunOfAll {
		return "Impulse runs with --dry-run: counts are decided and reported, but not written"
	}
	return "spec.dryRun is true: counts are decided and reported, but not written"
}
