package actuator

import (
	"context"
	"log/slog"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// scaled is what a HorizontalPodAutoscaler scales. The version does not count: it is the same object in each.
type scaled struct{ namespace, group, kind, name string }

func scaledBy(namespace, apiVersion, kind, name string) scaled {
	// An apiVersion that cannot be parsed has no group; the HorizontalPodAutoscaler finds nothing there, either.
	gv, _ := schema.ParseGroupVersion(apiVersion)
	return scaled{namespace: namespace, group: gv.Group, kind: kind, name: name}
}

// hpas is the table of HorizontalPodAutoscalers, by what they scale.
type hpas struct {
	table[scaled, scaled]
	by map[scaled][]string // Names, sorted. mu is held.
}

func newHPAs(c *Client) *hpas {
	h := &hpas{by: make(map[scaled][]string)}
	h.table = table[scaled, scaled]{
		source: func(context.Context) (cache.ListerWatcher, error) {
			return c.watchTyped(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"))
		},
		trim: func(obj any) (scaled, bool) {
			o, ok := obj.(*autoscalingv2.HorizontalPodAutoscaler)
			if !ok {
				return scaled{}, false
			}
			to := o.Spec.ScaleTargetRef
			return scaledBy(o.Namespace, to.APIVersion, to.Kind, to.Name), true
		},
		change: h.change,
		note: func(err error) {
			c.options.Log.Warn("horizontalpodautoscalers cannot be read: one on the same target will not be noticed",
				slog.Any("err", err))
		},
		rows:  make(map[types.NamespacedName]scaled),
		bells: make(bells[scaled]),
	}
	return h
}

func (h *hpas) change(name types.NamespacedName, before, after *scaled) {
	if before != nil && after != nil && *before == *after {
		return
	}
	if before != nil {
		rest := slices.DeleteFunc(h.by[*before], func(other string) bool { return other == name.Name })
		if h.by[*before] = rest; len(rest) == 0 {
			delete(h.by, *before)
		}
		h.bells.ring(*before)
	}
	if after != nil {
		h.by[*after] = append(h.by[*after], name.Name)
		slices.Sort(h.by[*after])
		h.bells.ring(*after)
	}
}

// look returns the name of a HorizontalPodAutoscaler that scales target, "" when there is none or when they cannot be
// read; false while that is not settled.
func (h *hpas) look(target scaled) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	settled, _ := h.settled()
	if names := h.by[target]; len(names) > 0 {
		return names[0], settled
	}
	return "", settled
}
