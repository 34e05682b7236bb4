package triggers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of the kind in the examples.
type Config struct {
	Address   string        `json:"address" required:"true" doc:"URL of the server."`
	Threshold scalers.Milli `json:"threshold" doc:"The level that one replica should have."`
}

// Validate returns all mistakes.
func (c Config) Validate() error {
	if c.Threshold <= 0 {
		return &triggers.FieldError{Field: "threshold", Problem: "must be above 0"}
	}
	return nil
}

// Trigger divides the level by the threshold.
func (c Config) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Threshold} }

// queue reads how many messages wait.
type queue struct{ config Config }

// Read returns the level.
func (q queue) Read(context.Context) (scalers.Milli, error) { return 42_000, nil }

// newKind declares the kind. In a package of its own, this is the exported function Kind.
func newKind() triggers.Kind {
	return triggers.Define("depth", "Messages that wait.", Config{Threshold: 10_000}, func(c Config, env triggers.Env) (triggers.Source, error) {
		key := triggers.PollKey{Server: c.Address, Key: "depth\x00" + c.Address + "\x00" + env.Credentials}
		return triggers.Poll(key, queue{c}, env), nil
	})
}

// A kind reports all mistakes in the metadata of a trigger at once.
func ExampleKind_Decode() {
	_, err := newKind().Decode(map[string]string{"adress": "http://queue", "threshold": "many"})
	for _, mistake := range triggers.FieldErrors(err) {
		fmt.Println(mistake)
	}
	// Output:
	// adress: is not a parameter of this trigger (did you mean "address"?)
	// threshold: "many" is not a number
}

// A Reader needs no loop of its own: Poll reads it every pollingInterval.
func ExamplePoll() {
	ctx, cancel := context.WithCancel(context.Background())
	poller := triggers.NewPoller(1, 1)
	var polling sync.WaitGroup
	polling.Go(func() { _ = poller.Run(ctx) })

	config, err := newKind().Decode(map[string]string{"address": "http://queue"})
	if err != nil {
		panic(err)
	}
	source, err := newKind().Open(config, triggers.Env{Trigger: "orders", Poller: poller, PollingInterval: time.Minute})
	if err != nil {
		panic(err)
	}
	err = source.Run(ctx, func(e scalers.Event) {
		fmt.Printf("%s: %s, target %s\n", e.Trigger, e.Value, config.Trigger().Target)
		cancel()
	})
	polling.Wait()
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// orders: 42, target 10
	// true
}
