// Command metrics-adapter serves what Prometheus has scraped as custom.metrics.k8s.io and external.metrics.k8s.io, on the library that
// prometheus-adapter stands on. The metric of an object is the sum of the series of that name whose labels name the object, as with the
// default rules of prometheus-adapter: namespace="shop",service="web". An external metric is each series of that name in the namespace.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
)

func main() {
	base := &cmd.AdapterBase{Name: "metrics-adapter"}
	server := base.Flags().String("prometheus-url", "http://127.0.0.1:9090", "address of Prometheus")
	printVersion := base.Flags().Bool("version", false, "print the version and exit")
	_ = base.Flags().Parse(os.Args[1:]) // It exits when it fails.
	if *printVersion {
		fmt.Println("Kubernetes", version.Get().GitVersion)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, base, *server); err != nil {
		klog.ErrorS(err, "The metrics adapter ended")
		klog.FlushAndExit(klog.ExitFlushTimeout, 1)
	}
}

// run serves both APIs until ctx is done. It knows the kinds that the cluster has when it starts.
func run(ctx context.Context, base *cmd.AdapterBase, server string) error {
	kinds, err := base.RESTMapper()
	if err != nil {
		return err
	}
	objects, err := base.DynamicClient()
	if err != nil {
		return err
	}
	client, err := api.NewClient(api.Config{Address: server})
	if err != nil {
		return fmt.Errorf("connect to Prometheus: %w", err)
	}
	a := &adapter{prometheus: prometheus.NewAPI(client), kinds: kinds, objects: objects}
	base.WithCustomMetrics(a)
	base.WithExternalMetrics(a)
	return base.Run(ctx)
}
