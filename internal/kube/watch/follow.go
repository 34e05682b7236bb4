package watch

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/kube/typed"
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

// Follow calls changed with what lookup returns, once it is known, and again after each notification of n with which it differs, until ctx
// is done.
func Follow[R any](ctx context.Context, n Notifier, lookup func() (R, bool), equal func(a, b R) bool, changed func(R)) error {
	var last R
	reported := false
	for {
		if now, known := lookup(); known && (!reported || !equal(now, last)) && ctx.Err() == nil {
			changed(now)
			last, reported = now, true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n:
		}
	}
}

// ExplainForbidden adds to an error of missing permission that resources cannot be watched, and where the permissions are.
func ExplainForbidden(err error, resources string) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("impulse is not allowed to list and watch %s; deploy/manifests has the necessary permissions: %w", resources, err)
	}
	return err
}
