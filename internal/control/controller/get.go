package controller

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
)

// ErrNoCRD is returned when the cluster does not serve ScaledObjects.
var ErrNoCRD = errors.New("the cluster has no ScaledObjects: is Impulse installed in it?")

// Get reads one ScaledObject, and sets its defaults. It returns ErrNoCRD if the cluster does not serve ScaledObjects.
func Get(ctx context.Context, config *rest.Config, namespace, name string) (*v1alpha1.ScaledObject, error) {
	c, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	so := &v1alpha1.ScaledObject{}
	err = c.Get().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Into(so)
	switch {
	case noCRD(err):
		return nil, ErrNoCRD
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("there is no ScaledObject %q in namespace %q", name, namespace)
	case err != nil:
		return nil, fmt.Errorf("read ScaledObject %s/%s: %w", namespace, name, err)
	}
	return trim(so), nil
}

// List reads the ScaledObjects of one namespace, or of all namespaces if it is "", and sets their defaults. It returns ErrNoCRD if
// the cluster does not serve ScaledObjects.
func List(ctx context.Context, config *rest.Config, namespace string) ([]*v1alpha1.ScaledObject, error) {
	c, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	var list v1alpha1.ScaledObjectList
	err = c.Get().Namespace(namespace).Resource(resource).Do(ctx).Into(&list)
	switch {
	case noCRD(err):
		return nil, ErrNoCRD
	case err != nil:
		return nil, fmt.Errorf("list the ScaledObjects: %w", err)
	}
	all := make([]*v1alpha1.ScaledObject, len(list.Items))
	for i := range list.Items {
		all[i] = trim(&list.Items[i])
	}
	return all, nil
}

// noCRD reports whether the server does not serve the resource: it answers 404 without a Status object.
func noCRD(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
