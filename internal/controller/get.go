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
	case apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		return nil, ErrNoCRD // The server knows no such path: it did not answer with a status of its own.
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("there is no ScaledObject %q in namespace %q", name, namespace)
	case err != nil:
		return nil, fmt.Errorf("read ScaledObject %s/%s: %w", namespace, name, err)
	}
	return trim(so), nil
}
