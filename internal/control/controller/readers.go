package controller

import (
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
)

// show makes an object visible for readers.
func (c *Controller) show(so *v1alpha1.ScaledObject) {
	if c.options.Live != nil {
		c.options.Live.Add(identityOf(so))
	}
}

// hide removes a deleted object for readers.
func (c *Controller) hide(so *v1alpha1.ScaledObject) {
	if c.options.Live != nil {
		c.options.Live.Forget(identityOf(so))
	}
}

// reporters returns the reporters of the autoscalers of an object and of its shadow policy.
func (c *Controller) reporters(so *v1alpha1.ScaledObject) (forReal, forShadow autoscaler.Reporter) {
	forReal, forShadow = c.options.Reporter, c.options.Reporter.Shadow()
	if c.options.Live != nil {
		forReal, forShadow = c.options.Live.Follow(identityOf(so), forReal, forShadow)
	}
	return forReal, forShadow
}

// setOwner sets the autoscaler that readers ask about an object; nil means none.
func (c *Controller) setOwner(so *v1alpha1.ScaledObject, owner *autoscaler.Autoscaler) {
	if c.options.Live != nil {
		c.options.Live.SetOwner(identityOf(so), owner)
	}
}

func identityOf(so *v1alpha1.ScaledObject) status.Object {
	return status.Object{Namespace: so.Namespace, Name: so.Name, UID: string(so.UID)}
}
