// Command demo shows five Deployments that follow an alert, a query, a queue, a schedule and the usage of their pods, on a
// real control plane that it starts and removes again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/impulse-sh/impulse/deploy/demo/scenario"
)

func main() {
	o := scenario.Options{}
	flag.BoolVar(&o.Once, "once", false, "drive load up and down, check that each Deployment followed, and exit")
	flag.StringVar(&o.Cluster, "cluster", "sandbox", "where to run: `sandbox`, or current for the cluster of your kubeconfig")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, o)
	switch {
	case err == nil:
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Println("\nstopped; nothing is left behind")
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// run builds and starts everything, shows or checks it, and removes it again.
func run(ctx context.Context, o scenario.Options) error {
	s, err := scenario.Start(ctx, o)
	if err != nil {
		return err
	}
	defer s.Stop(ctx)
	if o.Once {
		return s.Once(ctx)
	}
	return s.Watch(ctx)
}
