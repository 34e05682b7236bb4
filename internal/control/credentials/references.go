package credentials

import "context"

// place identifies an object among those of all kinds.
type place[N comparable] struct {
	objects any
	name    N
}

// reference is an object that is watched for a trigger.
type reference struct {
	object  any
	release func()
	// used is false from a change of the authentication until the object is read again.
	used bool
}

// get returns the last version of an object, which is watched from then on. The caller must hold k.mu.
func get[N comparable, T any](ctx context.Context, k *Credential, objects *namedObjects[N, T], name N) (T, error) {
	var none T
	id := place[N]{objects, name}
	if k.held[id] == nil {
		object, release, err := objects.acquire(ctx, name)
		if err != nil {
			return none, err
		}
		k.held[id] = &reference{object: object, release: func() {
			object.unsubscribe(k.changed)
			release()
		}}
	}
	held := k.held[id]
	held.used = true
	object, _ := held.object.(*namedObject[T])
	return object.get(ctx, k.changed)
}

// markUnused makes the next releaseUnused release all objects that are not read before. The caller must hold k.mu.
func (k *Credential) markUnused() {
	for _, held := range k.held {
		held.used = false
	}
}

// releaseUnused releases the objects that have not been read since markUnused, or all if the credential is closed. The caller must hold
// k.mu.
func (k *Credential) releaseUnused() {
	for id, held := range k.held {
		if k.closed.Load() || !held.used {
			held.release()
			delete(k.held, id)
		}
	}
}
