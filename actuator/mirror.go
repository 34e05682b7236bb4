package actuator

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// row is an object on its way into the table; the reflector wants to know its name.
type row[V any] struct {
	name  types.NamespacedName
	value *V
}

// GetObjectMeta implements metav1.ObjectMetaAccessor.
func (r row[V]) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: r.name.Namespace, Name: r.name.Name}
}

// mirror is the side of a table that the reflector writes to. It implements cache.TransformingStore: a long list is
// trimmed while it arrives.
type mirror[K comparable, V any] table[K, V]

func (m *mirror[K, V]) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return m.row(obj) }
}

func (m *mirror[K, V]) row(obj any) (row[V], error) {
	if r, ok := obj.(row[V]); ok {
		return r, nil
	}
	object, err := meta.Accessor(obj)
	if err != nil {
		return row[V]{}, fmt.Errorf("read a watched object: %w", err)
	}
	r := row[V]{name: types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}}
	if value, ok := m.trim(obj); ok {
		r.value = &value
	}
	return r, nil
}

func (m *mirror[K, V]) Add(obj any) error {
	r, err := m.row(obj)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	(*table[K, V])(m).set(r.name, r.value)
	return nil
}

func (m *mirror[K, V]) Update(obj any) error { return m.Add(obj) }

func (m *mirror[K, V]) Delete(obj any) error {
	r, err := m.row(obj)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	(*table[K, V])(m).set(r.name, nil)
	return nil
}

// Replace takes the whole list; it is what makes the table known.
func (m *mirror[K, V]) Replace(list []any, _ string) error {
	rows := make([]row[V], 0, len(list))
	for _, obj := range list {
		r, err := m.row(obj)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	t := (*table[K, V])(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	there := make(map[types.NamespacedName]struct{}, len(rows))
	for _, r := range rows {
		there[r.name] = struct{}{}
		t.set(r.name, r.value)
	}
	for name := range t.rows {
		if _, ok := there[name]; !ok {
			t.set(name, nil)
		}
	}
	t.synced, t.err = true, nil
	t.bells.ringAll()
	return nil
}

func (m *mirror[K, V]) Resync() error { return nil }
