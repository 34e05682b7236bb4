package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// providers are the providers of a podIdentity in KEDA 2.21.
var providers = []string{v1alpha1.IdentityAzure, v1alpha1.IdentityGoogle, v1alpha1.IdentityAWS, v1alpha1.IdentityEKS, v1alpha1.IdentityNone}

// checkIdentity returns the mistakes in the podIdentity of an authentication, and records its provider.
func (o *Object) checkIdentity() []diag.Error {
	node := mapping(strictyaml.Child(strictyaml.Resolve(strictyaml.Child(o.content, "spec")), "podIdentity"))
	if node == nil {
		return nil
	}
	if provider := strictyaml.Text(strictyaml.Child(node, "provider")); provider != v1alpha1.IdentityNone {
		o.identity = provider
	}
	return o.identityMistakes(node, "spec.podIdentity", providers)
}

// mapping returns a node that is a mapping; nil for another one.
func mapping(node *yaml.Node) *yaml.Node {
	if node = strictyaml.Resolve(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	return node
}

// identityMistakes returns the mistakes in a podIdentity at a path, which may have some of the providers.
func (o *Object) identityMistakes(node *yaml.Node, path string, allowed []string) []diag.Error {
	field := func(name string) string { return strictyaml.Text(strictyaml.Child(node, name)) }
	var all []diag.Error
	report := func(name, problem, suggestion string) {
		all = append(all, o.ErrorAt(path+"."+name, problem, suggestion))
	}
	oneOf := "it is one of " + strings.Join(allowed, ", ")
	switch provider := field("provider"); {
	case provider == "":
		report("provider", "is missing", oneOf)
		return all
	case !slices.Contains(providers, provider):
		report("provider", `"`+provider+`" is no provider of KEDA 2.21`, oneOf)
		return all
	case !slices.Contains(allowed, provider):
		report("provider", `"`+provider+`" cannot sign in to this vault`, oneOf)
		return all
	}
	owner := field("identityOwner")
	if !slices.Contains([]string{"", "keda", v1alpha1.IdentityOfWorkload}, owner) {
		report("identityOwner", `"`+owner+`" is unknown`, "it is keda or workload")
	}
	if field("roleArn") != "" && owner == v1alpha1.IdentityOfWorkload {
		report("roleArn", "is given with the identityOwner workload, which has a role of its own", "leave out one of them")
	}
	if field("externalID") != "" && field("roleArn") == "" {
		report("externalID", "has no roleArn", "it is for the role that is assumed")
	}
	if field("identityAuthorityHost") != "" && field("identityTenantId") == "" {
		report("identityAuthorityHost", "has no identityTenantId", "set the tenant of this authority")
	}
	return all
}

// reportVaultFile reports that the file of a token in a hashiCorpVault of KEDA is found elsewhere here.
func (o *Object) reportVaultFile(spec *yaml.Node) {
	vault := strictyaml.Resolve(strictyaml.Child(spec, "hashiCorpVault"))
	credential := strictyaml.Resolve(strictyaml.Child(vault, "credential"))
	switch {
	case strictyaml.Text(strictyaml.Child(vault, "authentication")) != v1alpha1.VaultKubernetes, strictyaml.Text(strictyaml.Child(credential, "serviceAccountName")) != "":
	case strictyaml.Text(strictyaml.Child(credential, "serviceAccount")) != "":
		o.notes = append(o.notes, diag.Error{
			Field: "spec.hashiCorpVault.credential.serviceAccount", Problem: "is a file in the Pod of KEDA; here it is read below impulse run --filepath-root only",
			Suggestion: "serviceAccountName needs no file",
		})
	default:
		o.notes = append(o.notes, diag.Error{
			Field: "spec.hashiCorpVault.credential", Problem: "names no service account, and Impulse's own token is sent to no vault: the triggers will be unknown",
			Suggestion: "set serviceAccountName",
		})
	}
}
