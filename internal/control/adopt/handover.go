package adopt

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// pollInterval is the time between two reads of the ScaledObject.
const pollInterval = 200 * time.Millisecond

// withoutRestore prevents that KEDA restores the original count when its object is deleted.
const withoutRestore = `{"spec":{"advanced":{"restoreToOriginalReplicaCount":false}}}`

// awaitDecision waits until Impulse has decided on a count, and only the HPA prevents that it is written.
func (a *adoption) awaitDecision(ctx context.Context, old *unstructured.Unstructured, hpa string) error {
	a.report("waiting until Impulse has decided")
	return a.wait(ctx, old.GetName(), "wait for Impulse's decision", func(so *v1alpha1.ScaledObject) (bool, string, error) {
		able := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionAbleToScale)
		ready := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case able == nil || ready == nil || so.Status.ObservedGeneration != so.Generation:
			return false, "Impulse has not read the object yet: is it running?", nil
		case able.Status == metav1.ConditionTrue:
			return false, "", fmt.Errorf("%s does not stop Impulse from scaling: does it scale another target?", hpa)
		case able.Reason != v1alpha1.ReasonForeignHPA:
			return false, able.Reason + ": " + able.Message, nil
		case so.Status.DesiredReplicas == nil:
			return false, ready.Reason + ": " + ready.Message, nil
		}
		for _, t := range so.Status.Triggers {
			if t.LastError != "" {
				return false, "trigger " + t.Name + " is unknown: " + t.LastError, nil
			}
		}
		a.report("Impulse has decided on %d replicas", *so.Status.DesiredReplicas)
		return true, "", nil
	})
}

// remove deletes the object that was converted, if it is still the same one. KEDA's operator deletes its HPA then.
func (a *adoption) remove(ctx context.Context, old *unstructured.Unstructured) error {
	client := a.client.Resource(a.source()).Namespace(a.Namespace)
	uid := old.GetUID()
	if restore, _, _ := unstructured.NestedBool(old.Object, "spec", "advanced", "restoreToOriginalReplicaCount"); restore && a.Kind == KEDA {
		if _, err := client.Patch(ctx, a.Name, types.MergePatchType, []byte(withoutRestore), metav1.PatchOptions{FieldManager: fieldManager}); err != nil {
			return fmt.Errorf("set restoreToOriginalReplicaCount of %s to false: %w", a.what(), err)
		}
	}
	err := client.Delete(ctx, a.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", a.what(), err)
	}
	a.report("deleted %s", a.what())
	return nil
}

// awaitScaling waits until Impulse scales the target.
func (a *adoption) awaitScaling(ctx context.Context, old *unstructured.Unstructured) error {
	return a.wait(ctx, old.GetName(), "wait until Impulse scales", func(so *v1alpha1.ScaledObject) (bool, string, error) {
		able := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionAbleToScale)
		if able == nil || able.Status != metav1.ConditionTrue {
			if able == nil {
				return false, "it has no status", nil
			}
			return false, able.Reason + ": " + able.Message, nil
		}
		a.report("Impulse scales %s %s now", so.Spec.ScaleTargetRef.Kind, so.Spec.ScaleTargetRef.Name)
		return true, "", nil
	})
}

// wait reads Impulse's ScaledObject until done is true or returns an error, Timeout at most. It reports each new reason for waiting, and the
// last one if the time is over.
func (a *adoption) wait(ctx context.Context, name, what string, done func(*v1alpha1.ScaledObject) (bool, string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	ticks := time.NewTicker(pollInterval)
	defer ticks.Stop()
	last := ""
	for {
		so, err := a.read(ctx, name)
		var reason string
		switch {
		case err == nil:
			var finished bool
			if finished, reason, err = done(so); finished || err != nil {
				return err
			}
		case ctx.Err() != nil && last != "":
			reason = last
		default:
			reason = err.Error()
		}
		if reason != last {
			a.report("  %s", reason)
			last = reason
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s: after %s: %s", what, a.Timeout, last)
			}
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-ticks.C:
		}
	}
}

func (a *adoption) read(ctx context.Context, name string) (*v1alpha1.ScaledObject, error) {
	found, err := a.client.Resource(ourObjects).Namespace(a.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read Impulse's ScaledObject: %w", err)
	}
	so := &v1alpha1.ScaledObject{}
	return so, objects.Decode(found, so)
}
