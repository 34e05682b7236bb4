package objects

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
)

const resource = "scaledobjects"

// Client reads and changes the ScaledObjects of one cluster.
type Client struct {
	rest rest.Interface
	host string
}

// New returns a Client. It does no I/O.
func New(config *rest.Config) (*Client, error) {
	c, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	return &Client{rest: c, host: config.Host}, nil
}

// Query selects objects.
type Query struct {
	// Namespace is that of the objects; "" means all namespaces.
	Namespace string
	// Selector selects objects by their labels; "" selects all.
	Selector string
	// Name is that of the only object; "" means any.
	Name string
}

// Check returns an error if the selector cannot be parsed.
func (q Query) Check() error {
	if _, err := labels.Parse(q.Selector); err != nil {
		return fmt.Errorf("--selector is %q: %w", q.Selector, err)
	}
	return nil
}

// Get reads one object. If it does not exist, the error has the names that may have been meant.
func (c *Client) Get(ctx context.Context, namespace, name string) (*v1alpha1.ScaledObject, error) {
	so := &v1alpha1.ScaledObject{}
	err := c.rest.Get().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Into(so)
	if apierrors.IsNotFound(err) && !noCRD(err) {
		return nil, c.missing(ctx, namespace, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read ScaledObject %s/%s: %w", namespace, name, c.explain(err, "get", namespace))
	}
	return clean(so), nil
}

// List reads the objects that a query selects.
func (c *Client) List(ctx context.Context, q Query) (*v1alpha1.ScaledObjectList, error) {
	list := &v1alpha1.ScaledObjectList{}
	if err := c.request(q).Do(ctx).Into(list); err != nil {
		return nil, fmt.Errorf("list the ScaledObjects: %w", c.explain(err, "list", q.Namespace))
	}
	for i := range list.Items {
		clean(&list.Items[i])
	}
	return list, nil
}

// request returns the request for the objects that a query selects.
func (c *Client) request(q Query) *rest.Request {
	r := c.rest.Get().Namespace(q.Namespace).Resource(resource)
	if q.Selector != "" {
		r = r.Param("labelSelector", q.Selector)
	}
	if q.Name != "" {
		r = r.Param("fieldSelector", "metadata.name="+q.Name)
	}
	return r
}

// clean removes what nobody reads, and sets the kind, which the server leaves out of the items of a list.
func clean(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so.ManagedFields = nil
	so.APIVersion, so.Kind = v1alpha1.GroupVersion().String(), "ScaledObject"
	return so
}
