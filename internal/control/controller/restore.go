package controller

import (
	"context"
	"errors"
	"fmt"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
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
			spared = c.giveBack(until, so, target, *original)
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

// giveBack writes the original count of a target, as every count is written, until the target has it, or there is nothing to
// restore any more; it returns why that is so. It ends with ctx.
func (c *Controller) giveBack(ctx context.Context, so *v1alpha1.ScaledObject, target actuator.Target, original int32) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	back := &returning{controller: c, so: so, original: original, end: cancel, why: "it was called off"}
	autoscaler.New(autoscaler.Options{
		Workload: &compile.Workload{
			Namespace: so.Namespace, Name: so.Name, UID: so.UID, Target: target,
			Policy: &scalers.Policy{Max: max(original, 1), Paused: scalers.Paused{Fixed: true, At: original}},
		},
		Actuator: c.options.Actuator, Reporter: back, Now: c.now, MayWrite: c.options.MayWrite,
	}).Run(ctx, autoscaler.Past{})
	return back.why
}

// returning follows a target until it has its original count.
type returning struct {
	controller *Controller
	so         *v1alpha1.ScaledObject
	original   int32
	end        context.CancelFunc
	// over is true at the end; why is then "" when the target has its count, and otherwise why it does not.
	over bool
	why  string
	// said is what hinders it, as it was said last.
	said string
}

// Decided takes in one moment.
func (r *returning) Decided(p *autoscaler.Outcome) {
	err := p.WriteErr
	if err == nil {
		err = p.Target.Err
	}
	switch {
	case r.over || p.Writing:
	case errors.Is(err, actuator.ErrNotFound), errors.Is(err, actuator.ErrNoScale):
		r.finish("it is gone: " + err.Error())
	case p.TargetKnown && p.Target.ForeignHPA != "":
		r.finish("HorizontalPodAutoscaler " + p.Target.ForeignHPA + " scales it now")
	case p.TargetKnown && p.Target.Scale.Replicas == r.original:
		r.finish("")
	case err != nil:
		r.complain(err)
	}
}

func (r *returning) finish(why string) {
	r.over, r.why = true, why
	r.end()
}

// complain says once what hinders the restoring, which goes on.
func (r *returning) complain(err error) {
	reason := status.ReasonOf(err, RestoreFailed)
	if r.said == reason {
		return
	}
	r.said = reason
	why := fmt.Sprintf("the original count, %d, is written as soon as that is possible; until then the object stays: %s", r.original, err)
	if r.controller.options.Finalizers == nil {
		r.controller.options.Reporter.Event(objectOf(r.so), true, RestoreFailed, why)
		return
	}
	r.controller.options.Reporter.Refused(r.so, RestoreFailed, why, false)
}
