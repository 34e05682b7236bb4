package compile

import (
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/triggers"
)

// compileShadow compiles the shadow policy; nil without one. Fields that it does not set have the value of the live policy.
func compileShadow(so *v1alpha1.ScaledObject, kinds []triggers.Kind, settings Settings, errs *errorList) *Workload {
	if so.Spec.Shadow == nil {
		return nil
	}
	w, mistakes := Compile(shadowOf(so), kinds, settings)
	for _, m := range mistakes {
		if slices.ContainsFunc(*errs, func(live diag.Error) bool { return live == m }) {
			continue // It is reported for the live policy, from which the shadow has the value.
		}
		m.Field = strings.Replace(m.Field, "spec", "spec.shadow", 1)
		*errs = append(*errs, m)
	}
	return w
}

// shadowOf returns the object that has the shadow policy as its live one.
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
