package compile

import (
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/triggers"
)

// compileShadow compiles the policy that is decided beside the live one; nil when there is none. What it does not say is as
// the live one has it.
func compileShadow(so *v1alpha1.ScaledObject, kinds []triggers.Kind, settings Settings, wrong *errorList) *Workload {
	if so.Spec.Shadow == nil {
		return nil
	}
	w, mistakes := Compile(shadowOf(so), kinds, settings)
	for _, m := range mistakes {
		if slices.ContainsFunc(*wrong, func(live diag.Error) bool { return live == m }) {
			continue // It is that of the live one, whose value the shadow has.
		}
		m.Field = strings.Replace(m.Field, "spec", "spec.shadow", 1)
		*wrong = append(*wrong, m)
	}
	return w
}

// shadowOf is the object that a shadow policy would be alone.
func shadowOf(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	alone := so.DeepCopy()
	alone.Spec.Shadow, alone.Spec.DryRun = nil, false
	s, spec := so.Spec.Shadow, &alone.Spec
	for _, field := range []struct{ into, from **int32 }{
		{&spec.PollingInterval, &s.PollingInterval},
		{&spec.CooldownPeriod, &s.CooldownPeriod},
		{&spec.InitialCooldownPeriod, &s.InitialCooldownPeriod},
		{&spec.IdleReplicaCount, &s.IdleReplicaCount},
		{&spec.MinReplicaCount, &s.MinReplicaCount},
		{&spec.MaxReplicaCount, &s.MaxReplicaCount},
	} {
		if *field.from != nil {
			*field.into = *field.from
		}
	}
	if s.Advanced != nil {
		spec.Advanced = s.Advanced
	}
	if len(s.Triggers) > 0 {
		spec.Triggers = s.Triggers
	}
	return alone
}
