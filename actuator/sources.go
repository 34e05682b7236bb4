package actuator

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// watchTyped lists and watches a built-in resource.
func (c *Client) watchTyped(gvr schema.GroupVersionResource) (cache.ListerWatcher, error) {
	client, err := c.typed(gvr.GroupVersion())
	if err != nil {
		return nil, err
	}
	return cache.NewListWatchFromClient(client, gvr.Resource, c.options.Namespace, fields.Everything()), nil
}

// watchDynamic lists and watches any resource, as JSON.
func (c *Client) watchDynamic(gvr schema.GroupVersionResource) cache.ListerWatcher {
	resource := c.dynamic.Resource(gvr).Namespace(c.options.Namespace)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return resource.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return resource.Watch(ctx, options)
		},
	}
}

// watchMetadata lists and watches the metadata of any resource: enough to know that something changed.
func (c *Client) watchMetadata(gvr schema.GroupVersionResource) cache.ListerWatcher {
	resource := c.metadata.Resource(gvr).Namespace(c.options.Namespace)
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return resource.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return resource.Watch(ctx, options)
		},
	}
}
