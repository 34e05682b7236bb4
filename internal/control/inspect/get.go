package inspect

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// The resources that are read.
var (
	deployments    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services       = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	secrets        = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	endpointSlices = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
	hpas           = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	webhooks       = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
	ourObjects     = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}
	kedaObjects    = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}
	routes         = schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1alpha1", Resource: "alertmanagerconfigs"}
)

// errNotServed is the error of a kind that the cluster does not have.
var errNotServed = errors.New("the cluster does not serve them")

// list reads the objects of a resource in a namespace; "" means all namespaces, or a resource of the cluster.
func list[T any](ctx context.Context, r *reader, of schema.GroupVersionResource, namespace, selector string) doctor.Read[[]T] {
	found, err := r.client.Resource(of).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return doctor.Read[[]T]{Err: r.explain(err, "list", of, namespace)}
	}
	all := make([]T, len(found.Items))
	for i := range found.Items {
		if err := objects.Decode(&found.Items[i], &all[i]); err != nil {
			return doctor.Read[[]T]{Err: err}
		}
	}
	return doctor.Read[[]T]{Value: all}
}

// explain returns the error of a request as one sentence.
func (r *reader) explain(err error, verb string, of schema.GroupVersionResource, namespace string) error {
	if apierrors.IsNotFound(err) {
		return errNotServed
	}
	return objects.Explain(err, r.Config.Host, verb, of.GroupResource().String(), namespace)
}
