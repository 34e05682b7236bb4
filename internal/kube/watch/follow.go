package watch

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/workqueue"
)

// Client returns a client that watches built-in resources of one group and version, without a client-side rate limit. config is not
// changed. It does no I/O.
func Client(config *rest.Config, gv schema.GroupVersion) (rest.Interface, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.Timeout = 0 // It would end the watches.
	config.GroupVersion, config.APIPath = &gv, "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	config.NegotiatedSerializer = typed.Codecs.WithoutConversion()
	config.ContentType = "application/vnd.kubernetes.protobuf" // It is several times cheaper to decode than JSON.
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return rest.RESTClientFor(config)
}

// Follower is an item that reports the changes of something that is looked up in a Cache. It is a Subscriber.
type Follower struct{ *workqueue.Item }

// Notify makes it look again.
func (f Follower) Notify() { f.Wake() }

// NewFollower returns a Follower that calls changed with what lookup returns, once it is known, and again after each Notify or Wake with which it
// differs, until Stop. It has no goroutine of its own: changed is called by a worker of the queue, and must not block.
func NewFollower[R any](q *workqueue.Queue, lookup func() (R, bool), equal func(a, b R) bool, changed func(R)) Follower {
	var last R
	reported := false
	return Follower{q.NewItem(func() {
		if now, known := lookup(); known && (!reported || !equal(now, last)) {
			last, reported = now, true
			changed(now)
		}
	})}
}

// ExplainForbidden adds to an error of missing permission that resources cannot be watched, and where the permissions are.
func ExplainForbidden(err error, resources string) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("impulse is not allowed to list and watch %s; deploy/manifests has the necessary permissions: %w", resources, err)
	}
	return err
}
