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
)

func main() {
	var o options
	flag.BoolVar(&o.once, "once", false, "drive load up and down, check that each Deployment followed, and exit")
	flag.StringVar(&o.cluster, "cluster", "sandbox", "where to run: `sandbox`, or current for the cluster of your kubeconfig")
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

// options are the command's flags.
type options struct {
	once    bool
	cluster string
}

// run builds and starts everything, shows or checks it, and removes it again.
func run(ctx context.Context, o options) error {
	if o.cluster != "sandbox" && o.cluster != "current" {
		return fmt.Errorf("--cluster is %q: expected sandbox or current", o.cluster)
	}
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer s.stop(ctx)
	if o.once {
		return once(ctx, s)
	}
	return watch(ctx, s)
}
