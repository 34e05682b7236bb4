package main

import (
	"context"
	"fmt"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/scale"
	"k8s.io/kubernetes/pkg/controller/disruption"
	"k8s.io/kubernetes/pkg/controller/endpoint"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/endpointslicemirroring"
)

const (
	endpointsPerSlice  = 100
	endpointsPerSubset = 1000
)

func endpoints(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("endpoint-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller := endpoint.NewEndpointController(ctx, core.Pods(), core.Services(), core.Endpoints(), client, 0)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func endpointSlices(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("endpointslice-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(), c.informers.Discovery().V1().EndpointSlices(),
		endpointsPerSlice, client, 0)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func mirroredEndpoints(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("endpointslicemirroring-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller := endpointslicemirroring.NewController(ctx, core.Endpoints(), c.informers.Discovery().V1().EndpointSlices(), core.Services(),
		endpointsPerSubset, client, 0)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func disruptionBudgets(ctx context.Context, c *cluster) (loop, error) {
	client, config, err := c.client("disruption-controller")
	if err != nil {
		return nil, err
	}
	scales, err := c.scales(client, config)
	if err != nil {
		return nil, err
	}
	apps, core := c.informers.Apps().V1(), c.informers.Core().V1()
	controller := disruption.NewDisruptionController(ctx, core.Pods(), c.informers.Policy().V1().PodDisruptionBudgets(),
		core.ReplicationControllers(), apps.ReplicaSets(), apps.Deployments(), apps.StatefulSets(), client, c.mapper, scales, client.Discovery())
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

// scales is a client of the scale subresources of every kind.
func (c *cluster) scales(client kubernetes.Interface, config *rest.Config) (scale.ScalesGetter, error) {
	kinds := scale.NewDiscoveryScaleKindResolver(client.Discovery())
	scales, err := scale.NewForConfig(config, c.mapper, dynamic.LegacyAPIPathResolverFunc, kinds)
	if err != nil {
		return nil, fmt.Errorf("create a client of scale subresources: %w", err)
	}
	return scales, nil
}
