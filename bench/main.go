// Command bench measures Impulse on a real control plane: how long a decision takes, how long after a webhook the count
// has changed, and how long the webhook waits for its answer; each beside its floor, measured in the same run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options is what is measured, and how much of it.
type options struct {
	objects, webhooks int
	out               string
	// storm is how long many alerts come.
	storm time.Duration
	// flood is how long one namespace's alerts change while another's are measured; only flood or rest: nothing else is measured.
	flood time.Duration
	only  string
	// echo is where to be nothing but a server that decodes; "" is to measure.
	echo string
}

func main() {
	var o options
	flag.IntVar(&o.objects, "objects", 1000, "number of Deployments and ScaledObjects")
	flag.IntVar(&o.webhooks, "webhooks", 2000, "number of webhooks at each rate")
	flag.StringVar(&o.out, "out", "bench/results.json", "file to write the results to")
	flag.DurationVar(&o.storm, "storm", time.Minute, "how long a thousand alerts come each second")
	flag.DurationVar(&o.flood, "flood", 30*time.Second, "how long the stored alerts of one namespace change while another's deliveries are measured")
	flag.StringVar(&o.only, "only", "", "flood or rest: measure nothing else")
	flag.StringVar(&o.echo, "echo", "", "address at which to be the bare server that the receiver is held against, and nothing else")
	flag.Parse()
	if o.echo != "" {
		fmt.Fprintln(os.Stderr, "bench:", serveEcho(o.echo))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run measures everything, prints the table and writes the file.
func run(ctx context.Context, o options) error {
	results, err := reactions(ctx, o)
	if err != nil {
		return fmt.Errorf("measure reactions: %w", err)
	}
	if o.only == "" {
		decisions, err := decide(ctx)
		if err != nil {
			return fmt.Errorf("measure Decide: %w", err)
		}
		results = append(results, decisions...)
	}
	show(os.Stdout, results)
	return save(o.out, results)
}
