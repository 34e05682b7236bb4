package controller

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// RestoreFailed is the reason of the Event and of the condition Ready while a target cannot get its original count back.
const RestoreFailed = "RestoreFailed"

// finalize ends the scaling of an object that is being deleted: its target gets its original count back when the object says
// so, and then the object is let go. A leader that ends before leaves that to the next one, as the finalizer is still there.
func (c *Controller) finalize(ctx context.Context, m *entry) {
	if m.finalizing {
		return
	}
	m.finalizing = true
	if m.finalizerSync != nil {
		m.finalizerSync.cancel()
	}
	target := compile.TargetOf(m.so)
	if m.lastGood != nil {
		target = m.lastGood.Target
	}
	owners := c.claimants[m.claimed]
	refused := m.so.Status.Reason == targetInUse || len(owners) > 0 && owners[0] != m
	c.stop(m)
	before := c.ending[m.key]
	c.release(ctx, m)
	spared := c.notRestored(m, target, refused)
	original := c.options.Reporter.Original(m.so, target.String())
	if spared == "" && original == nil {
		spared = "its original count is not known: it has not been scaled"
	}
	until, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, done: make(chan struct{})}
	m.restoring = r
	if spared == "" {
		c.pruneRestores()
		c.restoring[targetKeyOf(target)] = r
	}
	so, restores := m.so, compile.Restores(m.so)
	c.all.Go(func() {
		defer close(r.done)
		defer cancel()
		before.await()
		if spared == "" {
			spared = c.restore(until, so, target, *original)
		}
		if ctx.Err() != nil {
			return
		}
		if restores {
			c.reportRestored(so, target, original, spared)
		}
		if c.options.Finalizers != nil && hasFinalizer(so) {
			c.retry(ctx, objectOf(so), func(ctx context.Context) error { return c.options.Finalizers.RemoveFinalizer(ctx, objectOf(so)) })
		}
	})
}

// notRestored says why the target of an object that goes keeps its count; "" when it is to be restored.
func (c *Controller) notRestored(m *entry, target actuator.Target, refused bool) string {
	rivals := c.claimants[targetKeyOf(target)]
	switch {
	case !compile.Restores(m.so):
		return "restoreToOriginalReplicaCount is not set"
	case c.options.Settings.DryRun || m.so.Spec.DryRun:
		return "nothing is written, by spec.dryRun or --dry-run"
	case compile.Paused(m.so):
		return "the object is paused, which is stronger"
	case len(rivals) > 0:
		return "ScaledObject " + rivals[0].key + " scales it now"
	case refused:
		return "another ScaledObject scales it"
	default:
		return ""
	}
}

// reportRestored says what became of a target.
func (c *Controller) reportRestored(so *v1alpha1.ScaledObject, target actuator.Target, original *int32, spared string) {
	if spared != "" {
		c.options.Reporter.Event(objectOf(so), false, "NotRestored", fmt.Sprintf("%s keeps its count: %s", target, spared))
		return
	}
	c.options.Reporter.Event(objectOf(so), false, "Restored",
		fmt.Sprintf("%s has its original count again, %d: the object was deleted, and restoreToOriginalReplicaCount is set", target, *original))
}

// cancelRestore ends the restoring of a target that somebody scales again, and returns what has to stop for that.
func (c *Controller) cancelRestore(target targetKey) *running {
	r := c.restoring[target]
	if r == nil {
		return nil
	}
	delete(c.restoring, target)
	r.cancel()
	return r
}

// pruneRestores forgets what has been restored.
func (c *Controller) pruneRestores() {
	for target, r := range c.restoring {
		select {
		case <-r.done:
			delete(c.restoring, target)
		default:
		}
	}
}

// restore writes the original count of a target until the target has it; it returns why that did not happen, or "". It ends with ctx.
func (c *Controller) restore(ctx context.Context, so *v1alpha1.ScaledObject, target actuator.Target, original int32) string {
	reported := ""
	r := &restorer{
		actuator: c.options.Actuator, mayWrite: c.options.MayWrite, target: target, original: original,
		latest: make(chan actuator.Observation, 1),
		report: func(err error) {
			if reason := status.ReasonOf(err, RestoreFailed); reason != reported {
				reported = reason
				c.reportRestoreFailed(so, original, err)
			}
		},
	}
	return r.run(ctx)
}

// reportRestoreFailed reports what hinders the restoring of a target, which goes on.
func (c *Controller) reportRestoreFailed(so *v1alpha1.ScaledObject, original int32, err error) {
	why := fmt.Sprintf("the original count, %d, is written as soon as that is possible; until then the object stays: %s", original, err)
	if c.options.Finalizers == nil {
		c.options.Reporter.Event(objectOf(so), true, RestoreFailed, why)
		return
	}
	c.options.Reporter.Refused(so, RestoreFailed, why, false)
}
