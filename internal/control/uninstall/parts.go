package uninstall

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Namespace is the namespace of deploy/manifests, and of the chart as its page installs it. It is deleted with everything that is in it.
const Namespace = "impulse-system"

// part is an object that deploy/manifests or the chart creates outside of that namespace, or the namespace itself. namespace is empty for an
// object of the cluster.
type part struct {
	resource        schema.GroupVersionResource
	name, namespace string
}

func (p part) String() string {
	text := p.resource.Resource + "/" + p.name
	if p.namespace != "" {
		text += " in " + p.namespace
	}
	return text
}

// rbac is the API group of permissions.
var rbac = schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}

// scaledObjects is the name of the definition of ScaledObjects.
const scaledObjects = "scaledobjects.impulse.sh"

// parts returns what is removed, in order. The definition of ScaledObjects comes first: the API server deletes all of them with it
// and accepts no new ones meanwhile, and Impulse still runs with its permissions and restores counts. Alerts and credentials come
// later, so that no trigger loses its own before its object is gone.
func parts() []part {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	all := []part{
		{resource: crds, name: scaledObjects},
		{resource: crds, name: "alertsets.impulse.sh"},
		{resource: crds, name: "triggerauthentications.impulse.sh"},
		{resource: crds, name: "clustertriggerauthentications.impulse.sh"},
		{resource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, name: Namespace},
	}
	for _, name := range []string{"impulse", "impulse-admission", "impulse-metrics-adapters", "impulse-viewer", "impulse-watch-keda"} {
		all = append(all, part{resource: rbac.WithResource("clusterrolebindings"), name: name}, part{resource: rbac.WithResource("clusterroles"), name: name})
	}
	return append(all,
		part{resource: schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, name: "impulse"},
		part{resource: schema.GroupVersionResource{Group: "flowcontrol.apiserver.k8s.io", Version: "v1", Resource: "flowschemas"}, name: "impulse-leader-election"})
}

// credentialsRole is the name of the Roles that rbac.credentials of the chart creates in other namespaces, and of their RoleBindings.
const credentialsRole = "impulse-credentials"

// credentialParts returns those Roles and RoleBindings that are for the ServiceAccount of Namespace: a release in another namespace has its own.
// A Role comes before its RoleBinding, because it is found by it.
func credentialParts(bindings []rbacv1.RoleBinding) []part {
	var all []part
	for i := range bindings {
		b := &bindings[i]
		if b.Name != credentialsRole || !slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { return s.Namespace == Namespace && s.Name == "impulse" }) {
			continue
		}
		all = append(all,
			part{resource: rbac.WithResource("roles"), name: credentialsRole, namespace: b.Namespace},
			part{resource: rbac.WithResource("rolebindings"), name: credentialsRole, namespace: b.Namespace})
	}
	return all
}
