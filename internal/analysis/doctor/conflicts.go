package doctor

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// conflicts checks that nothing else scales the targets of the objects.
func conflicts(in *Installation) []Finding {
	s := section{check: checkConflicts}
	if in.Objects.Err != nil {
		s.unknown("other autoscalers of the targets were not looked for, because the ScaledObjects could not be read", "see ScaledObjects")
		return s.all
	}
	ours := map[target]*v1alpha1.ScaledObject{}
	for i := range in.Objects.Value {
		ours[targetOf(&in.Objects.Value[i])] = &in.Objects.Value[i]
	}
	s.hpas(in, ours)
	s.keda(in, ours)
	if len(s.all) == 0 {
		s.ok("no HorizontalPodAutoscaler and no ScaledObject of KEDA scales the same target")
	}
	return s.all
}

// hpas reports HorizontalPodAutoscalers on the targets.
func (s *section) hpas(in *Installation, ours map[target]*v1alpha1.ScaledObject) {
	if in.HPAs.Err != nil {
		s.notRead("the HorizontalPodAutoscalers", in.HPAs.Err)
		return
	}
	for i := range in.HPAs.Value {
		hpa := &in.HPAs.Value[i]
		ref := &hpa.Spec.ScaleTargetRef
		of := newTarget(hpa.Namespace, ref.APIVersion, ref.Kind, ref.Name)
		so := ours[of]
		if so == nil {
			continue
		}
		name := fmt.Sprintf("HorizontalPodAutoscaler %s/%s", hpa.Namespace, hpa.Name)
		if so.Spec.DryRun {
			s.ok("%s scales %s, and ScaledObject %s, which is a dry run, only compares", name, of, so.Name)
			continue
		}
		remedy := fmt.Sprintf("impulse adopt hpa %s -n %s replaces it and keeps the count, or delete one of the two", hpa.Name, hpa.Namespace)
		if owner := metav1.GetControllerOf(hpa); owner != nil {
			remedy = fmt.Sprintf("it belongs to %s %s: impulse adopt keda %s -n %s replaces both, or delete one of the two", owner.Kind, owner.Name, owner.Name, hpa.Namespace)
		}
		s.problem(fmt.Sprintf("%s also scales %s: ScaledObject %s/%s writes no count", name, of, so.Namespace, so.Name), remedy)
	}
}

// keda reports objects of KEDA on the targets. With --watch-keda they are the origin of Impulse's own.
func (s *section) keda(in *Installation, ours map[target]*v1alpha1.ScaledObject) {
	if in.KEDA.Err != nil {
		s.notRead("the ScaledObjects of KEDA", in.KEDA.Err)
		return
	}
	releases := Releases(in.Deployments.Value)
	for i := range in.KEDA.Value {
		k := &in.KEDA.Value[i]
		of := newTarget(k.Namespace, k.APIVersion, k.Kind, k.Target)
		so := ours[of]
		if so == nil || so.Spec.DryRun {
			continue
		}
		if r := responsible(releases, k.Namespace); r != nil && r.is("watch-keda") {
			continue
		}
		s.problem(fmt.Sprintf("KEDA's ScaledObject %s scales %s, which ScaledObject %s scales, too", k.Key, of, so.Name),
			fmt.Sprintf("impulse adopt keda %s -n %s replaces it and keeps the count, or delete one of the two", k.Name, k.Namespace))
	}
}
