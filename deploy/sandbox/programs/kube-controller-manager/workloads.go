package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/kubernetes/pkg/controller/cronjob"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/replication"
	"k8s.io/kubernetes/pkg/controller/statefulset"
	"k8s.io/kubernetes/pkg/controller/ttlafterfinished"
)

// workers is how many objects a controller works on at once; the stock program has 5 for most.
const workers = 5

func deployments(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("deployment-controller")
	if err != nil {
		return nil, err
	}
	apps := c.informers.Apps().V1()
	controller, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), c.informers.Core().V1().Pods(), client)
	if err != nil {
		return nil, fmt.Errorf("create the controller of Deployments: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func replicaSets(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("replicaset-controller")
	if err != nil {
		return nil, err
	}
	controller := replicaset.NewReplicaSetController(ctx, c.informers.Apps().V1().ReplicaSets(), c.informers.Core().V1().Pods(), client,
		replicaset.BurstReplicas)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func replicationControllers(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("replication-controller")
	if err != nil {
		return nil, err
	}
	core := c.informers.Core().V1()
	controller := replication.NewReplicationManager(ctx, core.Pods(), core.ReplicationControllers(), client, replication.BurstReplicas)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func statefulSets(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("statefulset-controller")
	if err != nil {
		return nil, err
	}
	apps, core := c.informers.Apps().V1(), c.informers.Core().V1()
	controller := statefulset.NewStatefulSetController(ctx, core.Pods(), apps.StatefulSets(), core.PersistentVolumeClaims(),
		apps.ControllerRevisions(), client)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func daemonSets(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("daemon-set-controller")
	if err != nil {
		return nil, err
	}
	apps, core := c.informers.Apps().V1(), c.informers.Core().V1()
	controller, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(), client,
		flowcontrol.NewBackOff(time.Second, 15*time.Minute))
	if err != nil {
		return nil, fmt.Errorf("create the controller of DaemonSets: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func jobs(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("job-controller")
	if err != nil {
		return nil, err
	}
	controller, err := job.NewController(ctx, client, c.informers.Core().V1().Pods(), c.informers.Batch().V1().Jobs(), nil, nil)
	if err != nil {
		return nil, fmt.Errorf("create the controller of Jobs: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func cronJobs(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("cronjob-controller")
	if err != nil {
		return nil, err
	}
	batch := c.informers.Batch().V1()
	controller, err := cronjob.NewControllerV2(ctx, batch.Jobs(), batch.CronJobs(), client)
	if err != nil {
		return nil, fmt.Errorf("create the controller of CronJobs: %w", err)
	}
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}

func finishedJobs(ctx context.Context, c *cluster) (loop, error) {
	client, _, err := c.client("ttl-after-finished-controller")
	if err != nil {
		return nil, err
	}
	controller := ttlafterfinished.New(ctx, c.informers.Batch().V1().Jobs(), client)
	return func(ctx context.Context) { controller.Run(ctx, workers) }, nil
}
