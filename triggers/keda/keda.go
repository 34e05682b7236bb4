package keda

import (
	"fmt"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeclient"
)

// Kinds returns the kinds that the bridge reads, ordered by name.
func Kinds() []triggers.Kind {
	kinds := make([]triggers.Kind, len(types))
	for i, t := range types {
		kinds[i] = triggers.Define(t.name, t.level, Config{}, t.open)
		kinds[i].Requires, kinds[i].Example = bridgeaddr.Requirement, map[string]string{}
		kinds[i].ReadsAsZero = t.readsAsZero
	}
	return kinds
}

// Config is the metadata of all these kinds.
type Config struct {
	Metadata map[string]string `json:"*" doc:"The parameters of KEDA's scaler of this type."`
}

// Validate returns no mistake: only the scaler knows its parameters.
func (c Config) Validate() error { return nil }

// Trigger has the target 1, because the level is the number of replicas that the metrics ask for: KEDA's scaler knows their targets from the
// metadata. It also reports whether the trigger is active.
func (c Config) Trigger() scalers.Trigger { return scalers.Trigger{Target: 1000} }

// Servers returns a name for any server, because only the scaler knows which ones receive the credentials. An authentication that
// restricts its servers has to list this name.
func (c Config) Servers() []string { return []string{"keda-bridge"} }

// open builds the source of a trigger. It does no I/O.
func (t kedaType) open(c Config, env triggers.Env) (triggers.Source, error) {
	return newSource(t.name, c, env, func(m replicas.Measurement) scalers.Event { return m.Event(env.Input) })
}

// newSource returns the source of a trigger of a type. It does no I/O.
func newSource(name string, c Config, env triggers.Env, event func(replicas.Measurement) scalers.Event) (triggers.Source, error) {
	if env.KEDABridge == "" {
		return nil, fmt.Errorf("type %s is served by the KEDA bridge: %s", name, bridgeaddr.Requirement)
	}
	r := &reader{kedaType: name, config: c, env: env}
	// A scaler knows which object asks, so no reading is shared. A scaler that hangs must not delay the triggers of other sources.
	key := fmt.Sprintf("keda\x00%p", r)
	emit := func(_ scalers.Instant, m replicas.Measurement) scalers.Event { return event(m) }
	poll := triggers.PollEach(triggers.PollKey{Server: key, Key: key}, r.read, emit, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) {
		conn, release, err := bridgeclient.Acquire(env.Pool, env.KEDABridge)
		r.conn = conn
		return poll, release, err
	}), nil
}
