package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

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
// name, and opens it anew when they change. See session.
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

// open opens the source: by the kind itself, or through the KEDA bridge.
func (a *authenticated) open(with opened, env triggers.Env) (triggers.Source, error) {
	kind := a.trigger.Kind
	if with.limit == (triggers.Limit{}) {
		return kind.Open(with.config, env)
	}
	return kind.OpenThroughBridge(kind.ForKEDA(a.trigger.Metadata, with.variables), env)
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
