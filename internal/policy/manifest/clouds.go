package manifest

import (
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// clouds are the secret managers of cloud providers, each with the provider of the identities that can sign in to it.
var clouds = []struct{ field, provider string }{
	{"azureKeyVault", v1alpha1.IdentityAzure}, {"gcpSecretManager", v1alpha1.IdentityGoogle}, {"awsSecretManager", v1alpha1.IdentityAWS},
}

// checkClouds returns the mistakes in the secret managers of cloud providers, and notes what they need.
func (o *Object) checkClouds() []diag.Error {
	var all []diag.Error
	for _, cloud := range clouds {
		path := "spec." + cloud.field
		node := mapping(strictyaml.Child(strictyaml.Child(o.content, "spec"), cloud.field))
		if node == nil {
			continue
		}
		o.notes = append(o.notes, diag.Error{Field: path, Problem: "is read through the KEDA bridge", Suggestion: bridgeaddr.Requirement})
		if secrets := strictyaml.Resolve(strictyaml.Child(node, "secrets")); secrets == nil || len(secrets.Content) == 0 {
			all = append(all, o.ErrorAt(path+".secrets", "is empty", "list the parameters, each with its secret"))
		}
		identity := mapping(strictyaml.Child(node, "podIdentity"))
		if identity != nil {
			all = append(all, o.identityMistakes(identity, path+".podIdentity", []string{cloud.provider, v1alpha1.IdentityNone})...)
		}
		none := identity == nil || strictyaml.Text(strictyaml.Child(identity, "provider")) == v1alpha1.IdentityNone
		if none && mapping(strictyaml.Child(node, "credentials")) == nil {
			all = append(all, o.ErrorAt(path, "has neither credentials nor a podIdentity", "set one of them: without it, nobody can sign in"))
		}
	}
	return all
}
