package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// maxReopen is the longest pause before a source that could not be opened is opened again. A change of what it lacks ends the pause.
const maxReopen = 10 * time.Second

// openSource opens the source of a trigger with its credentials.
func openSource(all *credentials.Credentials, w *compile.Workload, t *compile.Trigger, env triggers.Env) (triggers.Source, error) {
	none := t.Auth == nil && len(t.Variables.Auth) == 0 && t.Metadata == nil
	if none || all == nil {
		return t.Kind.Open(t.Config, env)
	}
	return &authenticated{
		trigger: t, env: env, all: all,
		use: credentials.Use{Target: w.Target, Container: w.Container, Ref: t.Auth, Variables: t.Variables.Auth},
	}, nil
}

// authenticated is a source with credentials. It opens the source of the trigger once it knows the environment variables that the metadata
// name, and opens it anew when they change.
type authenticated struct {
	trigger *compile.Trigger
	env     triggers.Env
	all     *credentials.Credentials
	use     credentials.Use
}

// opened is what the source was opened with.
type opened struct {
	variables map[string]string
	// config has the values of variables. If they are not valid, invalid names the parameters.
	config  triggers.Config
	invalid error
	// shared is true if the readings are shared with other targets.
	shared bool
	// limit is why the KEDA bridge reads the level.
	limit triggers.Limit
}

// equal reports whether a source that was opened with one of them is the same as with the other one.
func (o opened) equal(other opened) bool {
	return o.shared == other.shared && o.limit == other.limit && maps.Equal(o.variables, other.variables)
}

// Run runs the source.
func (a *authenticated) Run(ctx context.Context, emit func(scalers.Event)) error {
	for {
		err := a.runOnce(ctx, emit)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// runOnce opens the source and runs it until it has to be opened anew. It returns nil then, and after a pause if it could not be opened.
func (a *authenticated) runOnce(ctx context.Context, emit func(scalers.Event)) error {
	// The servers are known only with the config, which may need variables, so these are read with a credential of their own.
	before := a.all.Open(a.use)
	defer before.Close()
	with, err := a.read(ctx, before)
	if err == nil {
		err = errors.Join(with.invalid, a.missingBridge(with.limit))
	}
	if err != nil {
		emit(scalers.Event{Trigger: a.env.Trigger, At: scalers.InstantOf(a.env.Now()), Err: err})
		select {
		case <-ctx.Done():
		case <-before.Changed():
		case <-time.After(maxReopen):
		}
		return nil
	}
	use := a.use
	if remote, ok := with.config.(triggers.Remote); ok {
		use.Servers = remote.Servers()
	}
	credential := a.all.Open(use)
	defer credential.Close()
	env := a.env
	env.Secrets, env.WatchSecrets, env.Credentials = credential.Secrets, credential.Watch, use.Identity(with.shared)
	env.PodIdentity = credential.PodIdentity
	source, err := a.open(with, env)
	if err != nil {
		return err
	}
	return a.runUntilChanged(ctx, source, before, with, withNotice(emit, credential.Stale))
}

// open opens the source: by the kind itself, or through the KEDA bridge.
func (a *authenticated) open(with opened, env triggers.Env) (triggers.Source, error) {
	kind := a.trigger.Kind
	if with.limit == (triggers.Limit{}) {
		return kind.Open(with.config, env)
	}
	return kind.OpenThroughBridge(kind.ForKEDA(a.trigger.Metadata, with.variables), env)
}

// withNotice adds to events without a notice why the vault of the credential could not be read again, if stale returns that.
func withNotice(emit func(scalers.Event), stale func() string) func(scalers.Event) {
	return func(e scalers.Event) {
		if why := stale(); why != "" && e.Notice.Reason == "" && e.Err == nil {
			e.Notice = scalers.Notice{Reason: v1alpha1.ReasonVaultNotRead, Text: "the values of the vault that were read last are used: " + why}
		}
		emit(e)
	}
}

// runUntilChanged runs a source until what it was opened with changes. It returns nil then.
func (a *authenticated) runUntilChanged(
	ctx context.Context, source triggers.Source, credential *credentials.Credential, with opened, emit func(scalers.Event),
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- source.Run(ctx, emit) }()
	for {
		select {
		case err := <-ended:
			return err
		case <-credential.Changed():
		}
		now, err := a.read(ctx, credential)
		if err != nil || now.equal(with) {
			continue // While they cannot be read, the last ones are used.
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}
}

// read reads what the source is opened with. Only polled sources share readings; those that receive messages do not wait for credentials.
func (a *authenticated) read(ctx context.Context, credential *credentials.Credential) (opened, error) {
	var with opened
	var err error
	if len(a.trigger.Variables.Metadata) > 0 {
		if with.variables, err = credential.Variables(ctx, a.trigger.Variables.Metadata); err != nil {
			return opened{}, err
		}
	}
	if !a.trigger.Kind.Push {
		if with.shared, err = credential.Shared(ctx); err != nil {
			return opened{}, err
		}
	}
	if with.config, with.invalid = a.config(with.variables); with.invalid == nil {
		with.limit, err = a.limit(ctx, credential, with.config)
	}
	return with, err
}

// limit returns why the kind cannot read the trigger by itself, with its present credentials.
func (a *authenticated) limit(ctx context.Context, credential *credentials.Credential, config triggers.Config) (triggers.Limit, error) {
	kind := a.trigger.Kind
	if kind.Limits == nil {
		return triggers.Limit{}, nil
	}
	var login triggers.Login
	var err error
	if login.Identity, err = credential.PodIdentity(ctx); err != nil {
		return triggers.Limit{}, err
	}
	if len(kind.LoginParameters) > 0 {
		if login.Parameters, err = triggers.Secrets(credential.Secrets).Read(ctx, kind.LoginParameters...); err != nil {
			return triggers.Limit{}, err
		}
	}
	return kind.Limit(config, login), nil
}

// missingBridge returns an error if a limit demands the KEDA bridge and there is none.
func (a *authenticated) missingBridge(limit triggers.Limit) error {
	kind := a.trigger.Kind
	if limit == (triggers.Limit{}) || kind.OpenThroughBridge != nil && a.env.KEDABridge != "" {
		return nil
	}
	return fmt.Errorf("%s cannot use %s by itself: %s, or %s", kind.Name, limit.Feature, bridgeaddr.Requirement, limit.Instead)
}

// config returns the config with the values of variables.
func (a *authenticated) config(variables map[string]string) (triggers.Config, error) {
	if len(variables) == 0 {
		return a.trigger.Config, nil
	}
	config, err := a.trigger.Kind.DecodeWith(a.trigger.Metadata, variables)
	if err != nil { // It could repeat a value, which may be a secret.
		return nil, invalidVariables(err)
	}
	return config, nil
}

// invalidVariables names the parameters whose values from environment variables are not valid, without the values.
func invalidVariables(err error) error {
	all := errors.New("the environment variables do not give valid metadata")
	for _, field := range triggers.FieldErrors(err) {
		all = errors.Join(all, errors.New("parameter "+field.Field+" is not valid"))
	}
	return all
}
