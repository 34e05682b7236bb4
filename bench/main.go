// Command bench measures Impulse on a real control plane: the time of a decision, the time from a webhook to the changed
// count and to its response, how late polls begin, how often statuses and the Lease are written, the memory, how often the
// Lease is lost, and what the triggers of each source cost. Almost every figure is compared with a reference.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// options select what is measured and how much of it.
type options struct {
	objects, webhooks int
	out               string
	// duration is how long the storm, the polls and the fleet at rest are measured.
	duration time.Duration
	// flood is how long one namespace's alerts change while another's are measured.
	flood time.Duration
	// cost is how long the CPU of each source of triggers is measured, and source is how the names of those begin that are measured; ""
	// means all.
	cost   time.Duration
	source string
	// only is the one part that is measured: reaction, storm, flood, polls, rest for fleets at rest, start for their start, edge, rate, or cost for
	// that of triggers; "" means all.
	only string
	// sized means that objects is the size of the only fleet.
	sized bool
	// base is a revision with which fleets are measured, too; "" means none. profile is the folder for profiles of Impulse; "" means none.
	base, profile string
	// quick means to measure less, within minutes: what check needs. check is the file with the results whose ratios those of this run are
	// compared with; "" means none.
	quick bool
	check string
	// serve is the address at which this process is only the bare server, and measures nothing; "" means to measure.
	serve string
	// bare is the name of a source that this process only reads, at bareAddress every bareInterval; "" means to measure.
	bare, bareAddress string
	bareInterval      time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.objects, "objects", 1000, "number of Deployments and ScaledObjects, or with -only rate of webhooks per second; without it, rest has several sizes")
	flag.IntVar(&o.webhooks, "webhooks", 2000, "number of webhooks at each rate")
	flag.StringVar(&o.out, "out", "bench/results.json", "file to write the results to; those of the same names are replaced if only a part is measured")
	flag.BoolVar(&o.quick, "quick", false, "measure rest, start, edge, rate and decisions with few objects, within five minutes")
	flag.StringVar(&o.check, "check", "", "after -quick, compare ratios with those in this file, and fail if one is worse than its tolerance allows")
	flag.DurationVar(&o.duration, "duration", time.Minute, "how long the storm of a thousand alerts per second, the polls and the fleet at rest are measured")
	flag.DurationVar(&o.flood, "flood", 30*time.Second, "duration of the flood, in which the stored alerts of one namespace change while another's deliveries are measured")
	flag.DurationVar(&o.cost, "cost", 2*costInterval, "how long the CPU for the triggers of each source is measured: a multiple of 5s")
	flag.StringVar(&o.source, "source", "", "with -only cost: measure only sources whose names begin with this, such as redis")
	flag.StringVar(&o.only, "only", "", "measure only this: reaction, storm, flood, polls, rest for fleets at rest, start for their start, edge, rate, or cost for that of triggers")
	flag.StringVar(&o.base, "base", "", "measure rest, start, edge and rate with the impulse of this git revision, too")
	flag.StringVar(&o.profile, "profile", "", "store profiles of Impulse during rest and start in this folder")
	flag.StringVar(&o.serve, "serve", "", "run only the bare server that the receiver is compared with, at this address")
	flag.StringVar(&o.bare, "bare", "", "only read this source, which the cost of triggers is compared with")
	flag.StringVar(&o.bareAddress, "bare-address", "", "with -bare: how the source is reached")
	flag.DurationVar(&o.bareInterval, "bare-interval", costInterval, "with -bare: time between two readings of a level")
	flag.Parse()
	timed := false
	flag.Visit(func(f *flag.Flag) {
		o.sized = o.sized || f.Name == "objects"
		timed = timed || f.Name == "duration"
	})
	if o.quick && !timed {
		o.duration = quickDuration
	}
	if o.serve != "" {
		fmt.Fprintln(os.Stderr, "bench:", serveBareServer(o.serve))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.bare != "" {
		code := serveBare(ctx, o)
		stop()
		os.Exit(code)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// wants reports whether a part is measured.
func (o *options) wants(part string) bool { return o.only == "" || o.only == part }

// long reports whether a part is measured that -quick leaves out.
func (o *options) long(parts ...string) bool {
	return o.only == "" && !o.quick || slices.Contains(parts, o.only)
}

// run measures everything, prints the table and writes the file.
func run(ctx context.Context, o options) error {
	if o.check != "" && !o.quick {
		return errors.New("-check compares the results of -quick: give both")
	}
	var results []result
	if o.long("reaction", "storm", "flood", "polls") {
		var err error
		if results, err = reactions(ctx, o); err != nil {
			return fmt.Errorf("measure reactions: %w", err)
		}
	}
	if slices.ContainsFunc(scenarios, func(s scenario) bool { return o.wants(s.name) }) {
		more, err := compared(ctx, o)
		if err != nil {
			return fmt.Errorf("measure what builds are compared by: %w", err)
		}
		results = append(results, more...)
	}
	if o.long("cost") {
		costs, err := cost(ctx, o)
		if err != nil {
			return fmt.Errorf("measure the cost of triggers: %w", err)
		}
		results = append(results, costs...)
	}
	if o.only == "" {
		decisions, err := decide(ctx, o.quick)
		if err != nil {
			return fmt.Errorf("measure Decide: %w", err)
		}
		if !o.quick { // Otherwise it is enough that none of them allocates: their times are no ratios.
			results = append(results, decisions...)
		}
	}
	show(os.Stdout, results)
	if err := save(o.out, results, o.only != "" || o.quick); err != nil || o.check == "" {
		return err
	}
	return compareWith(os.Stdout, o.check, results)
}
