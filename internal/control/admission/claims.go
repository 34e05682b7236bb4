package admission

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// targetKey identifies a target, whatever the version of its API.
type targetKey struct{ namespace, group, kind, name string }

func targetKeyOf(t actuator.Target) targetKey {
	gv, _ := schema.ParseGroupVersion(t.APIVersion) // One that cannot be parsed has no group.
	return targetKey{t.Namespace, gv.Group, t.Kind, t.Name}
}

// claims holds all ScaledObjects that are not being deleted, by their targets.
type claims struct {
	*watch.Cache[struct{}, targetKey]

	by map[targetKey][]string // Names, sorted. The cache's lock guards it.
}

func newClaims(source lister) *claims {
	c := &claims{by: map[targetKey][]string{}}
	c.Cache = watch.NewCache(watch.Options[struct{}, targetKey]{
		Source: source, OnChange: c.onChange, MaxRetry: func(error) time.Duration { return maxRetry },
		Trim: func(object any) (targetKey, bool) {
			so, ok := object.(*v1alpha1.ScaledObject)
			if !ok || so.DeletionTimestamp != nil {
				return targetKey{}, false
			}
			compile.Default(so)
			return targetKeyOf(compile.TargetOf(so)), true
		},
	})
	return c
}

func (c *claims) onChange(name types.NamespacedName, before, after *targetKey) {
	if before != nil {
		rest := slices.DeleteFunc(c.by[*before], func(other string) bool { return other == name.Name })
		if c.by[*before] = rest; len(rest) == 0 {
			delete(c.by, *before)
		}
	}
	if after != nil {
		c.by[*after] = append(c.by[*after], name.Name)
		slices.Sort(c.by[*after])
	}
}

// claimant returns the first object with a target, but the one that is excepted; "" for none.
func (c *claims) claimant(t actuator.Target, except types.NamespacedName) string {
	c.Lock()
	defer c.Unlock()
	for _, name := range c.by[targetKeyOf(t)] {
		if name != except.Name {
			return name
		}
	}
	return ""
}

// splitKey splits "KIND NAMESPACE/NAME".
func splitKey(key string) (kind string, name types.NamespacedName) {
	kind, rest, _ := strings.Cut(key, " ")
	name.Namespace, name.Name, _ = strings.Cut(rest, "/")
	return kind, name
}
