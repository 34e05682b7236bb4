package uninstall

import "k8s.io/apimachinery/pkg/runtime/schema"

// Namespace is the namespace of deploy/manifests, and of the chart as its page installs it. It is deleted with everything that is in it.
const Namespace = "impulse-system"

// part is an object that deploy/manifests or the chart creates outside of that namespace, or the namespace itself.
type part struct {
	resource schema.GroupVersionResource
	name     string
}

func (p part) String() string { return p.resource.Resource + "/" + p.name }

// scaledObjects is the name of the definition of ScaledObjects.
const scaledObjects = "scaledobjects.impulse.sh"

// parts returns what is removed, in order. The definition of ScaledObjects comes first: the API server deletes all of them with it
// and accepts no new ones meanwhile, and Impulse still runs with its permissions and restores counts. Alerts and credentials come
// later, so that no trigger loses its own before its object is gone.
func parts() []part {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	rbac := schema.GroupVersion{Group: "rbac.authorization.k8s.io", Version: "v1"}
	all := []part{
		{crds, scaledObjects},
		{crds, "alertsets.impulse.sh"},
		{crds, "triggerauthentications.impulse.sh"},
		{crds, "clustertriggerauthentications.impulse.sh"},
		{schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, Namespace},
	}
	for _, name := range []string{"impulse", "impulse-admission", "impulse-metrics-adapters", "impulse-watch-keda"} {
		all = append(all, part{rbac.WithResource("clusterrolebindings"), name}, part{rbac.WithResource("clusterroles"), name})
	}
	return append(all,
		part{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}, "impulse"},
		part{schema.GroupVersionResource{Group: "flowcontrol.apiserver.k8s.io", Version: "v1", Resource: "flowschemas"}, "impulse-leader-election"})
}
