package credentials

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Credential reads the parameters of one trigger.
type Credential struct {
	all *Credentials
	use Use
	// objectNamespace is the namespace of the objects that the authentication names.
	objectNamespace string
	// changed is notified of each change of an object that was read.
	changed *changes

	// mu is held while parameters are read.
	mu sync.Mutex
	// held are the objects that are watched for this trigger, by the pool and their name. spec is the version of the authentication for
	// which they were read.
	held map[any]*reference
	spec *v1alpha1.ClusterTriggerAuthenticationSpec
	// stale is why secrets of a vault are older than they should be, as the last call of Secrets found; nil if they are not.
	stale atomic.Pointer[string]
	// closed is set without mu, so that Close does not wait for a reading in progress.
	closed atomic.Bool
}

// Watch calls changed after each change of an object that was read, until stop is called; see triggers.Env.WatchSecrets.
func (k *Credential) Watch(changed func()) (stop func()) { return k.changed.watch(changed) }

// Secrets returns the present values of parameters; see triggers.Secrets. Each object is read once, so that its values belong together.
// No error contains a secret. A call after Close, by a reading in progress, succeeds, and leaves no watch open.
func (k *Credential) Secrets(ctx context.Context, parameters ...string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.unlock()
	r := &reading{ctx: ctx, k: k, wanted: parameters, values: map[string]string{}, data: map[any]map[string]string{}}
	if k.use.Ref == nil {
		return r.values, r.readVariables(k.use.Variables)
	}
	spec, label, err := k.authentication(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.use.allowedBy(spec); err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	if err := r.readVariables(k.use.Variables); err != nil {
		return nil, err
	}
	err = r.read(spec)
	k.recordStale(r.stale)
	return r.values, err
}

// recordStale records the reason why secrets of a vault are older than they should be; nil for none.
func (k *Credential) recordStale(why error) {
	if why == nil {
		k.stale.Store(nil)
		return
	}
	text := why.Error()
	k.stale.Store(&text)
}

// Stale returns why secrets of a vault are older than they should be, as the last call of Secrets found; "" if they are not.
func (k *Credential) Stale() string {
	if why := k.stale.Load(); why != nil {
		return *why
	}
	return ""
}

// Variables returns the present values of environment variables of the target's container, by the names that the map gives them. All
// must be defined.
func (k *Credential) Variables(ctx context.Context, variables map[string]string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.unlock()
	wanted := slices.Sorted(maps.Keys(variables))
	r := &reading{ctx: ctx, k: k, wanted: wanted, values: map[string]string{}, data: map[any]map[string]string{}}
	return r.values, r.readVariables(variables)
}

// Shared reports whether all triggers of the namespace that refer to the same authentication have the same credentials. They do not if it
// names environment variables, or a vault that is read with the role of a workload, which are those of each target.
func (k *Credential) Shared(ctx context.Context) (bool, error) {
	if k.use.Ref == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	k.mu.Lock()
	defer k.unlock()
	spec, _, err := k.authentication(ctx)
	if err != nil {
		return false, err
	}
	return len(spec.Env) == 0 && !readAsWorkload(spec.AWSSecretManager), nil
}

// authentication returns the present version of the authentication, and how errors name it. The caller must hold k.mu.
func (k *Credential) authentication(ctx context.Context) (*v1alpha1.ClusterTriggerAuthenticationSpec, string, error) {
	objects, name := k.all.namespaced, types.NamespacedName{Namespace: k.use.Target.Namespace, Name: k.use.Ref.Name}
	if k.use.Ref.Kind == clusterKind {
		objects, name.Namespace = k.all.cluster, ""
	}
	spec, err := get(ctx, k, objects, name)
	if err != nil {
		return nil, "", err
	}
	if spec != k.spec { // Objects that it does not name any longer are released after the next reading.
		k.markUnused()
		k.spec = spec
		_, err = get(ctx, k, objects, name)
	}
	return spec, objects.kind + " " + path(name), err
}

// Close releases all objects, or leaves that to the reading in progress.
func (k *Credential) Close() {
	k.closed.Store(true)
	if k.mu.TryLock() {
		k.unlock()
	}
}

// unlock ends a reading.
func (k *Credential) unlock() {
	k.releaseUnused()
	k.mu.Unlock()
	if k.closed.Load() && k.mu.TryLock() { // Close came too late for releaseUnused, and too early for the lock.
		k.releaseUnused()
		k.mu.Unlock()
	}
}
