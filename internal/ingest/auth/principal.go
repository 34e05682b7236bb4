package auth

// Anonymous is the name of the principal of a request without a credential, while credentials are configured. No credential can
// have this name.
const Anonymous = "?"

// Principal is the sender of a request. Limits are per principal, so that no sender uses up what the others need.
type Principal struct {
	// Name is the name of the credential, Anonymous, or "" for a token without a name and where no credentials are configured.
	Name string
	// Namespace distinguishes the principals without a name of their own.
	Namespace string
}

// PrincipalOf returns the principal of a request to a namespace, by the name of its credential.
func PrincipalOf(name, namespace string) Principal {
	if name == "" || name == Anonymous {
		return Principal{name, namespace}
	}
	return Principal{Name: name}
}

// IsAnonymous reports whether the request had no credential while credentials are configured.
func (p Principal) IsAnonymous() bool { return p.Name == Anonymous }

// Principal returns the principal of a credential. Tokens without a name are distinguished by the namespace that they are valid for.
func (c *Credential) Principal() Principal { return PrincipalOf(c.name, c.namespaces[0]) }
