package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	resources "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/custom_metrics"
	"k8s.io/metrics/pkg/client/external_metrics"
)

// Defaults of a HorizontalPodAutoscaler.
const (
	downscaleStabilization = 5 * time.Minute
	tolerance              = 0.1
	cpuInitialization      = 5 * time.Minute
	initialReadiness       = 30 * time.Second
)

func horizontalPodAutoscalers(ctx context.Context, c *cluster) (loop, error) {
	client, config, err := c.client("horizontal-pod-autoscaler")
	if err != nil {
		return nil, err
	}
	scales, err := c.scales(client, config)
	if err != nil {
		return nil, err
	}
	pods, err := resources.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create a client of resource metrics: %w", err)
	}
	external, err := external_metrics.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("create a client of external metrics: %w", err)
	}
	versions := custom_metrics.NewAvailableAPIsGetter(client.Discovery())
	custom := custom_metrics.NewForConfig(config, c.mapper, versions)
	controller := podautoscaler.NewHorizontalController(ctx, client.CoreV1(), scales, client.AutoscalingV2(), c.mapper,
		metrics.NewRESTMetricsClient(pods, custom, external),
		c.informers.Autoscaling().V2().HorizontalPodAutoscalers(), c.informers.Core().V1().Pods(),
		c.hpaSyncPeriod, downscaleStabilization, tolerance, cpuInitialization, initialReadiness)
	return together(
		func(ctx context.Context) {
			custom_metrics.PeriodicallyInvalidate(versions, c.hpaSyncPeriod, ctx.Done())
		},
		func(ctx context.Context) { controller.Run(ctx, workers) },
	), nil
}
