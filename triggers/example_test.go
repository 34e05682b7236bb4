package triggers_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// fileConfig is the metadata of a trigger that reads a number from a file. Its tags are the schema.
type fileConfig struct {
	Path      string        `json:"path" required:"true" doc:"The file with the number."`
	Threshold scalers.Milli `json:"threshold" doc:"The number that one replica should have."`
}

// Validate returns every mistake.
func (c fileConfig) Validate() error {
	if c.Threshold <= 0 {
		return &triggers.FieldError{Field: "threshold", Problem: "must be above 0"}
	}
	return nil
}

// Trigger defines how the core interprets the level.
func (c fileConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Threshold} }

// Read returns the present level. An error makes it unknown.
func (c fileConfig) Read(context.Context) (scalers.Milli, error) {
	text, err := os.ReadFile(c.Path)
	if err != nil {
		return 0, err
	}
	return scalers.ParseMilli(strings.TrimSpace(string(text)))
}

// fileKind is the kind. Poll turns a reader into a source.
func fileKind() triggers.Kind {
	return triggers.Define("file", "A number in a file.", fileConfig{Threshold: 1000},
		func(c fileConfig, env triggers.Env) (triggers.Source, error) {
			return triggers.Poll(triggers.PollKey{Server: "files", Key: "file\x00" + c.Path}, c, env), nil
		})
}

// A kind is declared with a config and a function that opens its source. Decode reports every mistake of a user at once.
func ExampleDefine() {
	kind := fileKind()
	for _, f := range kind.Fields {
		fmt.Printf("%s (%s, required: %t): %s\n", f.Key, f.Type, f.Required, f.Doc)
	}
	_, err := kind.Decode(map[string]string{"pth": "/srv/waiting", "threshold": "-1"})
	fmt.Println(err)
	// Output:
	// path (text, required: true): The file with the number.
	// threshold (number, required: false): The number that one replica should have.
	// pth: is not a parameter of this trigger (did you mean "path"?)
	// threshold: must be above 0
}

// A Poller reads the sources of all workloads. Source.Run emits an event after each reading; the first
// reading is at the start.
func ExamplePoll() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := dir + "/waiting"
	if err := os.WriteFile(path, []byte("240"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	poller := triggers.NewPoller(1, 1)
	var polling sync.WaitGroup
	polling.Go(func() { _ = poller.Run(ctx) })

	kind := fileKind()
	config, err := kind.Decode(map[string]string{"path": path, "threshold": "20"})
	if err != nil {
		fmt.Println(err)
		return
	}
	source, err := kind.Open(config, triggers.Env{Trigger: "waiting", PollingInterval: time.Hour, Poller: poller})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = source.Run(ctx, func(e scalers.Event) {
		fmt.Println(e.Trigger, "is", e.Value)
		cancel()
	})
	polling.Wait()
	fmt.Println("Run returned:", err)
	// Output:
	// waiting is 240
	// Run returned: context canceled
}
