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

// WatchTarget returns a list and watch of one target, as JSON. It lists only this object, so that a permission for it is enough.
func (c *Client) WatchTarget(ctx context.Context, t Target) (cache.ListerWatcher, error) {
	gvr, err := c.kinds.find(ctx, kindName{t.APIVersion, t.Kind})
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(gvr).Namespace(t.Namespace)
	named := func(options metav1.ListOptions) metav1.ListOptions {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", t.Name).String()
		return options
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return resource.List(ctx, named(options))
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return resource.Watch(ctx, named(options))
		},
	}, nil
}
