package watch

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// entry is a trimmed object with its name. While a list arrives as a watch, the reflector keeps the entries by their names.
type entry[V any] struct {
	name  types.NamespacedName
	value *V
}

// GetObjectMeta implements metav1.ObjectMetaAccessor. The reflector reads the name from it.
func (e entry[V]) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: e.name.Namespace, Name: e.name.Name}
}

// storeAdapter is the cache.TransformingStore through which a reflector writes to a Cache. A long list is trimmed while it arrives.
type storeAdapter[K comparable, V any] Cache[K, V]

// Store returns the side of the cache that a reflector writes to.
func (c *Cache[K, V]) Store() cache.ReflectorStore { return (*storeAdapter[K, V])(c) }

// Transformer returns the function that trims an object.
func (a *storeAdapter[K, V]) Transformer() cache.TransformFunc {
	return func(object any) (any, error) { return a.entry(object) }
}

func (a *storeAdapter[K, V]) entry(object any) (entry[V], error) {
	if e, ok := object.(entry[V]); ok {
		return e, nil
	}
	o, err := meta.Accessor(object)
	if err != nil {
		return entry[V]{}, fmt.Errorf("read a watched object: %w", err)
	}
	e := entry[V]{name: types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}}
	if value, ok := a.options.Trim(object); ok {
		e.value = &value
	}
	return e, nil
}

// Add stores a version of an object.
func (a *storeAdapter[K, V]) Add(object any) error {
	e, err := a.entry(object)
	if err != nil {
		return err
	}
	a.Lock()
	defer a.Unlock()
	(*Cache[K, V])(a).set(e.name, e.value)
	return nil
}

// Update stores a version of an object.
func (a *storeAdapter[K, V]) Update(object any) error { return a.Add(object) }

// Delete removes an object.
func (a *storeAdapter[K, V]) Delete(object any) error {
	e, err := a.entry(object)
	if err != nil {
		return err
	}
	a.Lock()
	defer a.Unlock()
	(*Cache[K, V])(a).set(e.name, nil)
	return nil
}

// Replace stores all objects that there are.
func (a *storeAdapter[K, V]) Replace(list []any, _ string) error {
	all := make([]entry[V], 0, len(list))
	for _, object := range list {
		e, err := a.entry(object)
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	a.Lock()
	defer a.Unlock()
	(*Cache[K, V])(a).replace(all)
	return nil
}

// Resync does nothing: a cache has no handlers to call again.
func (a *storeAdapter[K, V]) Resync() error { return nil }
