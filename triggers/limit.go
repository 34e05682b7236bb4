package triggers

import "fmt"

// Login is how a trigger logs in to its source, as far as that decides whether a kind can read it.
type Login struct {
	// Identity is the podIdentity of the authentication; the zero value for none.
	Identity PodIdentity
	// Parameters are the values of Kind.LoginParameters that the trigger has.
	Parameters map[string]string
}

// Limit is why a kind cannot read one trigger by itself, while KEDA's scaler of this type can. The zero value stands for none.
type Limit struct {
	// Feature is what the kind cannot use, such as "the podIdentity aws of its authentication".
	Feature string
	// Field is the key of the metadata that asks for the feature; "" if the authenticationRef does.
	Field string
	// Instead is what users can do instead, in the imperative.
	Instead string
}

// Limit returns why the kind cannot read a trigger by itself; the zero value if it can.
func (k Kind) Limit(c Config, l Login) Limit {
	if k.Limits == nil {
		return Limit{}
	}
	return k.Limits(c, l)
}

// WithoutPodIdentity returns the Kind.Limits of a kind that cannot use a podIdentity, while its scaler in KEDA can. instead is what users can do
// instead, in the imperative.
func WithoutPodIdentity(instead string) func(Config, Login) Limit {
	return func(_ Config, l Login) Limit {
		if l.Identity == (PodIdentity{}) {
			return Limit{}
		}
		return Limit{Feature: fmt.Sprintf("the podIdentity %s of its authentication", l.Identity.Provider), Instead: instead}
	}
}
