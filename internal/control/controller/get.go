package controller

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// ErrNoCRD means that the cluster does not know ScaledObjects.
var ErrNoCRD = errors.New("the cluster has no ScaledObjects: is Impulse installed in it?")

// Get reads one ScaledObject, once. Its defaults are filled in.
func Get(ctx context.Context, config *rest.Config, namespace, name string) (*v1alpha1.ScaledObject, error) {
	client, err := Client(config)
	if err != nil {
		return nil, err
	}
	so := &v1alpha1.ScaledObject{}
	err = client.Get().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Into(so)
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

// List reads the ScaledObjects of a namespace, or all when it is "". Their defaults are filled in.
func List(ctx context.Context, config *rest.Config, namespace string) ([]*v1alpha1.ScaledObject, error) {
	client, err := Client(config)
	if err != nil {
		return nil, err
	}
	var list v1alpha1.ScaledObjectList
	err = client.Get().Namespace(namespace).Resource(resource).Do(ctx).Into(&list)
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

// noCRD reports whether the server knows no such path: it answered 404, without a status of its own.
func noCRD(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
