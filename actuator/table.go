package actuator

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// How long to wait before reading is tried again. It doubles from the least to the most; less is gained by asking again
// where we are refused than where the API server is away.
const (
	retryMin     = 200 * time.Millisecond
	retryAway    = 2 * time.Second
	retryRefused = 10 * time.Second
	// retryReset is how long reading has to go well until the next failure is the first again.
	retryReset = time.Minute
)

// table is a trimmed copy of all objects of one resource, kept current by a list and a watch. Readers look things up and
// leave a bell under K, what they look at. Only follow writes.
type table[K comparable, V any] struct {
	// source opens the resource. It is called again after each failure.
	source func(ctx context.Context) (cache.ListerWatcher, error)
	// trim returns what is needed of an object; false means that nothing is.
	trim func(obj any) (V, bool)
	// change is told of each object that came (before is nil), changed or went (after is nil). mu is held.
	change func(name types.NamespacedName, before, after *V)
	// note hears of each new reason why the resource cannot be read. It may be nil.
	note func(error)

	mu     sync.Mutex
	rows   map[types.NamespacedName]V
	bells  bells[K]
	synced bool
	err    error
}

// settled reports whether there is something to say: either what there is, or, with an error, why that is not known.
// mu is held.
func (t *table[K, V]) settled() (bool, error) { return t.synced || t.err != nil, t.err }

// listen leaves a bell under k until the function that it returns is called.
func (t *table[K, V]) listen(k K, one bell) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bells.add(k, one)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bells.remove(k, one)
	}
}

// follow lists and watches until ctx is done.
func (t *table[K, V]) follow(ctx context.Context) {
	// The reflector would log what the observations say.
	silent := logr.Discard()
	ctx = klog.NewContext(ctx, silent)
	for retry := retryMin; ctx.Err() == nil; {
		start := time.Now()
		err := t.once(ctx, silent)
		t.fail(err)
		if time.Since(start) > retryReset {
			retry = retryMin
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait.Jitter(retry, 0.5)):
		}
		retry = min(2*retry, retryLimit(err))
	}
}

func retryLimit(err error) time.Duration {
	if lasting(err) {
		return retryRefused
	}
	return retryAway
}

// once lists and watches until that fails for other reasons than an API server that is away for a while.
func (t *table[K, V]) once(ctx context.Context, log klog.Logger) error {
	source, err := t.source(ctx)
	if err != nil {
		return err
	}
	reflector := cache.NewReflectorWithOptions(source, nil, (*mirror[K, V])(t), cache.ReflectorOptions{
		Logger:          &log,
		Name:            "actuator",
		TypeDescription: "scaled resource",
		Backoff:         &wait.Backoff{Duration: retryMin, Factor: 2, Jitter: 0.5, Cap: retryAway, Steps: 1 << 20},
	})
	return readError(reflector.ListAndWatchWithContext(ctx))
}

// fail takes note that reading has ended. A failure for the moment leaves what is known as it is.
func (t *table[K, V]) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || t.synced && !lasting(err) {
		return
	}
	news := t.err == nil || t.err.Error() != err.Error()
	t.err = err
	if news {
		t.bells.ringAll()
		if t.note != nil {
			t.note(err)
		}
	}
}

// set puts a row in, or takes it out when value is nil. mu is held.
func (t *table[K, V]) set(name types.NamespacedName, value *V) {
	var before *V
	if old, ok := t.rows[name]; ok {
		before = &old
	}
	switch {
	case value != nil:
		t.rows[name] = *value
	case before != nil:
		delete(t.rows, name)
	default:
		return
	}
	t.change(name, before, value)
}
