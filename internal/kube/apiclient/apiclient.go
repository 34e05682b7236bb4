package apiclient

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// New returns a client of Impulse's own API group. It has no client-side rate limit, and does no I/O.
func New(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	gv := v1alpha1.GroupVersion()
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath, config.QPS = &gv, "/apis", -1
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", gv, err)
	}
	return client, nil
}
