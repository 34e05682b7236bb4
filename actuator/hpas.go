package actuator

import (
	"context"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
)

// hpaTarget names the object that a HorizontalPodAutoscaler scales. It has no API version, because an object is the same in each.
type hpaTarget struct{ namespace, group, kind, name string }

func newHPATarget(namespace, apiVersion, kind, name string) hpaTarget {
	// An apiVersion that cannot be parsed has no group; a HorizontalPodAutoscaler finds nothing there, either.
	gv, _ := schema.ParseGroupVersion(apiVersion)
	return hpaTarget{namespace: namespace, group: gv.Group, kind: kind, name: name}
}

// hpas holds all HorizontalPodAutoscalers, by the object that they scale.
type hpas struct {
	*watch.Cache[hpaTarget, hpaTarget]

	by map[hpaTarget][]string // Names, sorted. The cache's lock guards it.
}

func newHPAs(c *Client) *hpas {
	h := &hpas{by: make(map[hpaTarget][]string)}
	h.Cache = watch.NewCache(watch.Options[hpaTarget, hpaTarget]{
		Source: func(context.Context) (cache.ListerWatcher, error) {
			return c.watchTyped(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"))
		},
		Trim: func(obj any) (hpaTarget, bool) {
			o, ok := obj.(*autoscalingv2.HorizontalPodAutoscaler)
			if !ok {
				return hpaTarget{}, false
			}
			to := o.Spec.ScaleTargetRef
			return newHPATarget(o.Namespace, to.APIVersion, to.Kind, to.Name), true
		},
		OnChange: h.onChange,
		OnError:  c.logUnread("horizontalpodautoscalers", "a new one on the same target will not be noticed"), OnRead: c.logRead("horizontalpodautoscalers"),
		MapError: readError, Lasting: lasting, MaxRetry: maxRetry,
	})
	return h
}

func (h *hpas) onChange(name types.NamespacedName, before, after *hpaTarget) {
	if before != nil && after != nil && *before == *after {
		return
	}
	if before != nil {
		rest := slices.DeleteFunc(h.by[*before], func(other string) bool { return other == name.Name })
		if h.by[*before] = rest; len(rest) == 0 {
			delete(h.by, *before)
		}
		h.Notify(*before)
	}
	if after != nil {
		h.by[*after] = append(h.by[*after], name.Name)
		slices.Sort(h.by[*after])
		h.Notify(*after)
	}
}

// FollowHPAs watches HorizontalPodAutoscalers until stop is called, with the watch of the targets that are watched. find returns the name of one
// that scales a target; "" when there is none, or that is not known.
func (c *Client) FollowHPAs(ctx context.Context) (find func(Target) string, stop func()) {
	all, stop := c.hpas.Acquire(ctx, struct{}{})
	return func(t Target) string {
		return all.lookup(newHPATarget(t.Namespace, t.APIVersion, t.Kind, t.Name)).name
	}, stop
}

// foreign is what hpas know of one target.
type foreign struct {
	// name is that of a HorizontalPodAutoscaler that scales it; "" when there is none, or when Impulse may not read them.
	name string
	// known is false while neither is known, and err is then the reason, if there is one.
	known bool
	err   error
}

// lookup returns the HorizontalPodAutoscaler that scales a target. The last list stands while the API server does not answer, but without one
// there may be any.
func (h *hpas) lookup(target hpaTarget) foreign {
	h.Lock()
	defer h.Unlock()
	_, err := h.Synced()
	f := foreign{known: h.Listed() || lasting(err), err: err}
	if names := h.by[target]; len(names) > 0 {
		f.name = names[0]
	}
	return f
}
