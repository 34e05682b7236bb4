package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/quota/v1/generic"
	"k8s.io/client-go/metadata"
	"k8s.io/kubernetes/pkg/controller"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/nodelifecycle"
	"k8s.io/kubernetes/pkg/controller/resourcequota"
	"k8s.io/kubernetes/pkg/controller/tainteviction"
	quota "k8s.io/kubernetes/pkg/quota/v1/install"
)

const (
	gcWorkers           = 20
	namespaceWorkers    = 10
	namespaceSyncPeriod = 5 * time.Minute
	quotaSyncPeriod     = 5 * time.Minute
	discoverEvery       = 30 * time.Second
)

// namespaces empties the namespaces that are being deleted, with many requests, as the stock program does.
func namespaces(ctx context.Context, c *cluster) (loop, error) {
	client, config, err := c.client("namespace-controller")
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = config.QPS*20, config.Burst*100
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create the metadata client of the namespace controller: %w", err)
	}
	run := namespace.NewNamespaceController(ctx, client, meta, client.Discovery().ServerPreferredNamespacedResources,
		c.informers.Core().V1().Namespaces(), namespaceSyncPeriod, corev1.FinalizerKubernetes)
	return func(ctx context.Context) { run.Run(ctx, namespaceWorkers) }, nil
}

// garbage deletes the objects of deleted owners.
func garbage(ctx context.Context, c *cluster) (loop, error) {
	client, config, err := c.client("generic-garbage-collector")
	if err != nil {
		return nil, err
	}
	config.QPS *= 2
	meta, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create the metadata client of the garbage collector: %w", err)
	}
	graph := garbagecollector.NewDependencyGraphBuilder(ctx, c.metadata, c.mapper, garbagecollector.DefaultIgnoredResources(), c.any, c.started)
	collector, err := garbagecollector.NewComposedGarbageCollector(ctx, client, meta, c.mapper, graph)
	if err != nil {
		return nil, fmt.Errorf("create the garbage collector: %w", err)
	}
	return together(
		func(ctx context.Context) { collector.Run(ctx, gcWorkers, discoverEvery) },
		func(ctx context.Context) { collector.Sync(ctx, client.Discovery(), discoverEvery) },
	), nil
}

// resourceQuotas counts what admission holds against quotas.
func resourceQuotas(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("resourcequota-controller")
	if err != nil {
		return nil, err
	}
	discover := client.Discovery().ServerPreferredNamespacedResources
	config, err := quota.NewQuotaConfigurationForControllers(generic.ListerFuncForResourceFunc(c.informers.ForResource), c.informers)
	if err != nil {
		return nil, fmt.Errorf("configure quotas: %w", err)
	}
	run, err := resourcequota.NewController(ctx, &resourcequota.ControllerOptions{
		QuotaClient:               client.CoreV1(),
		ResourceQuotaInformer:     c.informers.Core().V1().ResourceQuotas(),
		ResyncPeriod:              controller.StaticResyncPeriodFunc(quotaSyncPeriod),
		InformerFactory:           c.any,
		ReplenishmentResyncPeriod: controller.StaticResyncPeriodFunc(resync),
		DiscoveryFunc:             discover,
		IgnoredResourcesFunc:      config.IgnoredResources,
		InformersStarted:          c.started,
		Registry:                  generic.NewRegistry(config.Evaluators()),
		UpdateFilter:              quota.DefaultUpdateFilter(),
	})
	if err != nil {
		return nil, fmt.Errorf("create the controller of quotas: %w", err)
	}
	return together(
		func(ctx context.Context) { run.Run(ctx, workers) },
		func(ctx context.Context) { run.Sync(ctx, discover, discoverEvery) },
	), nil
}

// nodes taints the nodes that do not report, with the periods of the stock program.
func nodes(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("node-controller")
	if err != nil {
		return nil, err
	}
	const (
		monitorPeriod = 5 * time.Second
		startupGrace  = 60 * time.Second
		monitorGrace  = 50 * time.Second
		evictionRate  = 0.1
		secondaryRate = 0.01
		largeCluster  = 50
		unhealthyZone = 0.55
	)
	core := c.informers.Core().V1()
	run, err := nodelifecycle.NewNodeLifecycleController(ctx, c.informers.Coordination().V1().Leases(), core.Pods(), core.Nodes(),
		c.informers.Apps().V1().DaemonSets(), client, monitorPeriod, startupGrace, monitorGrace, evictionRate, secondaryRate, largeCluster, unhealthyZone)
	if err != nil {
		return nil, fmt.Errorf("create the controller of nodes: %w", err)
	}
	return run.Run, nil
}

// taints evicts pods from nodes whose taints they do not tolerate.
func taints(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("node-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	run, err := tainteviction.New(ctx, client, core.Pods(), core.Nodes(), "taint-eviction-controller")
	if err != nil {
		return nil, fmt.Errorf("create the controller of taints: %w", err)
	}
	return run.Run, nil
}
