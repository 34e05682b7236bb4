package controller

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// finalize stops scaling the target of an object that is being deleted, restores the target's count if the object has
// restoreToOriginalReplicaCount, and then removes the finalizer. If this process stops leading before that, the next leader does the
// same, because the object still has its finalizer.
func (c *Controller) finalize(ctx context.Context, e *entry) {
	if e.finalizing {
		return
	}
	e.finalizing = true
	if e.finalizerSync != nil {
		e.finalizerSync.cancel()
	}
	target := compile.TargetOf(e.so)
	if e.lastGood != nil {
		target = e.lastGood.Target
	}
	owners := c.claimants[e.claimed]
	refused := e.so.Status.Reason == v1alpha1.ReasonTargetInUse || len(owners) > 0 && owners[0] != e
	c.stop(e)
	previous := c.ending[e.key]
	c.release(ctx, e)
	notRestored := c.whyNotRestored(e, target, refused)
	original := c.options.Reporter.Original(e.so, target.String())
	if notRestored == "" && original == nil {
		notRestored = "its original count is not known: it has not been scaled"
	}
	restoreCtx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel}
	e.restoring = r
	if notRestored == "" {
		c.pruneRestores()
		c.restoring[targetKeyOf(target)] = r
	}
	so, restores := e.so, compile.Restores(e.so)
	c.all.Add(1)
	restoration := func() {
		defer c.end(r, nil)
		if notRestored == "" {
			notRestored = c.restore(restoreCtx, so, target, *original)
		}
		if ctx.Err() != nil {
			return
		}
		if restores {
			c.reportRestored(so, target, original, notRestored)
		}
		if c.options.Finalizers != nil && hasFinalizer(so) {
			c.retry(ctx, objectOf(so), func(ctx context.Context) error { return c.options.Finalizers.RemoveFinalizer(ctx, objectOf(so)) })
		}
	}
	c.after(func() { go restoration() }, previous)
}

// whyNotRestored returns why the target of a deleted object keeps its count; "" if its original count is to be restored.
func (c *Controller) whyNotRestored(e *entry, target actuator.Target, refused bool) string {
	claimants := c.claimants[targetKeyOf(target)]
	switch {
	case !compile.Restores(e.so):
		return "restoreToOriginalReplicaCount is not set"
	case c.options.Settings.DryRun || e.so.Spec.DryRun:
		return "spec.dryRun or --dry-run is set, so no count is written"
	case compile.Paused(e.so, c.now()):
		return "the object is paused, and a pause overrides restoreToOriginalReplicaCount"
	case len(claimants) > 0:
		return "ScaledObject " + claimants[0].key + " scales it now"
	case refused:
		return "another ScaledObject scales it"
	default:
		return ""
	}
}

// reportRestored records an Event: the original count of a target was restored or, if notRestored is not "", why it was not.
func (c *Controller) reportRestored(so *v1alpha1.ScaledObject, target actuator.Target, original *int32, notRestored string) {
	if notRestored != "" {
		c.options.Reporter.Event(objectOf(so), false, v1alpha1.ReasonNotRestored, fmt.Sprintf("%s keeps its count: %s", target, notRestored))
		return
	}
	c.options.Reporter.Event(objectOf(so), false, v1alpha1.ReasonRestored,
		fmt.Sprintf("%s has its original count again, %d: the object was deleted, and restoreToOriginalReplicaCount is set", target, *original))
}

// cancelRestore cancels the restoration of a target that an object scales again, and returns the restoration to wait for, or nil.
func (c *Controller) cancelRestore(target targetKey) *running {
	r := c.restoring[target]
	if r == nil {
		return nil
	}
	delete(c.restoring, target)
	r.cancel()
	return r
}

// pruneRestores removes restorations that have ended.
func (c *Controller) pruneRestores() {
	for target, r := range c.restoring {
		if c.hasEnded(r) {
			delete(c.restoring, target)
		}
	}
}

// restore writes the original count of a target until the target has it; it returns why that did not happen, or "". It returns when ctx is done.
func (c *Controller) restore(ctx context.Context, so *v1alpha1.ScaledObject, target actuator.Target, original int32) string {
	reported := ""
	r := &restorer{
		actuator: c.options.Actuator, mayWrite: c.options.MayWrite, leading: c.options.Leading, turns: c.options.Turns, target: target, original: original,
		latest: make(chan actuator.Observation, 1),
		report: func(err error) {
			if reason := status.ReasonOf(err, v1alpha1.ReasonRestoreFailed); reason != reported {
				reported = reason
				c.reportRestoreFailed(so, original, err)
			}
		},
	}
	return r.run(ctx)
}

// reportRestoreFailed reports that the original count could not be written. The restoration retries.
func (c *Controller) reportRestoreFailed(so *v1alpha1.ScaledObject, original int32, err error) {
	why := fmt.Sprintf("the original count, %d, cannot be written yet, and Impulse retries: %s", original, err)
	if c.options.Finalizers == nil {
		c.options.Reporter.Event(objectOf(so), true, v1alpha1.ReasonRestoreFailed, why)
		return
	}
	c.options.Reporter.Refused(so, v1alpha1.ReasonRestoreFailed, why+"; the object is not removed until the count is written", false)
}
