package manifest

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

const clusterWide = "ClusterTriggerAuthentication"

// parseAuthentication reads a TriggerAuthentication or a ClusterTriggerAuthentication.
func parseAuthentication(o *Object, kind string) (*Object, []diag.Error) {
	metadata := strictyaml.Child(o.content, "metadata")
	namespace, name := strictyaml.Text(strictyaml.Child(metadata, "namespace")), strictyaml.Text(strictyaml.Child(metadata, "name"))
	switch {
	case kind == clusterWide:
		namespace = ""
		o.readAllowedNamespaces()
	case namespace == "":
		namespace = DefaultNamespace
	}
	o.Authentication = kind + " " + namespace + "/" + name
	problems := slices.Concat(o.check(authenticationType(kind)), o.checkIdentity(), o.checkClouds())
	o.broken = len(problems) > 0
	return o, problems
}

// authenticationType returns the type of a kind of authentication.
func authenticationType(kind string) reflect.Type {
	if kind == clusterWide {
		return reflect.TypeFor[v1alpha1.ClusterTriggerAuthentication]()
	}
	return reflect.TypeFor[v1alpha1.TriggerAuthentication]()
}

// tokens is the field of tokens of service accounts.
const tokens = "boundServiceAccountToken"

// parseForeignAuthentication reads one of KEDA's authentications.
func parseForeignAuthentication(o *Object, kind, api string) (*Object, []diag.Error) {
	if problems, ok := o.adopt(authenticationType(kind), api); !ok {
		return nil, problems
	}
	o, problems := parseAuthentication(o, kind)
	spec := strictyaml.Child(o.node, "spec")
	if strictyaml.Child(spec, tokens) != nil {
		o.notes = append(o.notes, diag.Error{
			Field: "spec." + tokens, Problem: "KEDA's operator configures whom the tokens are for; here they are for the API server",
			Suggestion: "set audience to whom they are sent",
		})
	}
	o.reportVaultFile(spec)
	return o, problems
}

const allowedNamespaces = "spec.allowedNamespaces"

// readAllowedNamespaces reads which namespaces may use a ClusterTriggerAuthentication. One of KEDA's is for all namespaces.
func (o *Object) readAllowedNamespaces() {
	spec := strictyaml.Resolve(strictyaml.Child(o.content, "spec"))
	o.allowed = []string{}
	if list := strictyaml.Resolve(strictyaml.Child(spec, "allowedNamespaces")); list != nil {
		for _, item := range list.Content {
			o.allowed = append(o.allowed, strictyaml.Text(item))
		}
	}
	switch {
	case o.Foreign() && spec != nil && spec.Kind == yaml.MappingNode:
		o.allowed = []string{v1alpha1.EveryNamespace}
		o.notes = []diag.Error{{
			Field: allowedNamespaces, Problem: "KEDA lets every namespace use it, and send the credentials to any server",
			Suggestion: "that is kept; name the namespaces that need it, and the servers in spec.allowedHosts",
		}}
	case len(o.allowed) == 0:
		o.notes = []diag.Error{{
			Field: allowedNamespaces, Problem: "is empty: no namespace may use it", Suggestion: `name those of its triggers, or "*" for all`,
		}}
	}
}

// allows reports whether the triggers of a namespace may use the authentication.
func (o *Object) allows(namespace string) bool {
	return o.allowed == nil || slices.Contains(o.allowed, namespace) || slices.Contains(o.allowed, v1alpha1.EveryNamespace)
}

// convertedAuthentication returns one of KEDA's authentications in the group impulse.sh. It allows what KEDA allows.
func (o *Object) convertedAuthentication() ([]byte, error) {
	if n := strictyaml.Resolve(strictyaml.Child(o.content, "apiVersion")); n != nil {
		n.Value = v1alpha1.GroupName + "/v1alpha1"
	}
	if spec := strictyaml.Resolve(strictyaml.Child(o.content, "spec")); spec != nil && o.allowed != nil && strictyaml.Child(spec, "allowedNamespaces") == nil {
		every := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v1alpha1.EveryNamespace, Style: yaml.DoubleQuotedStyle}
		spec.Content = append(spec.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "allowedNamespaces"},
			&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{every}},
		)
	}
	return encode(o.content)
}
