package doctor

import (
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/deploy/manifests"
)

// Need is one permission.
type Need struct {
	Verb, Group, Resource, Subresource, Name string
	// Namespace is "" for all namespaces, and for resources of the cluster.
	Namespace string
	// Where is the part of the chart that grants it.
	Where string
}

// String is the permission as a sentence has it.
func (n Need) String() string {
	what := n.Resource
	if n.Group != "" {
		what += "." + n.Group
	}
	if n.Subresource != "" {
		what += "/" + n.Subresource
	}
	if n.Name != "" {
		what += " " + n.Name
	}
	if n.Namespace != "" {
		what += " in namespace " + n.Namespace
	}
	return n.Verb + " " + what
}

// The namespace and the names in deploy/manifests, which a release may replace.
const (
	systemNamespace = "impulse-system"
	usualName       = "impulse"
	admissionSecret = "impulse-admission"
)

// Needs returns the permissions that a release needs by its flags, and for the targets of objects: those that deploy/manifests, which is made
// from the chart, grants.
func Needs(r *Release, leaseName string, objects []v1alpha1.ScaledObject) ([]Need, error) {
	parts := []struct {
		where, content string
		used           bool
	}{
		{"rbac", manifests.Permissions, true},
		{"watchKeda", manifests.KEDA, r.is("watch-keda")},
		{"admission", manifests.Admission, r.Webhook() != ""},
	}
	var all []Need
	for _, part := range parts {
		if !part.used {
			continue
		}
		roles, err := rolesIn(part.content)
		if err != nil {
			return nil, fmt.Errorf("read the permissions of %s: %w", part.where, err)
		}
		for i := range roles {
			for _, need := range NeedsOf(&roles[i]) {
				need.Where = part.where
				if need, ok := need.of(r, leaseName); ok {
					all = append(all, need)
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(n Need) bool { return unusedTarget(n, all, objects) }), nil
}

// rolesIn returns the Roles and ClusterRoles of a YAML file.
func rolesIn(content string) ([]rbacv1.Role, error) {
	var all []rbacv1.Role
	for document := range strings.SplitSeq(content, "\n---\n") {
		var role rbacv1.Role
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			return nil, err
		}
		if role.Kind == "Role" && role.Namespace == "" {
			role.Namespace = systemNamespace
		}
		if role.Kind == "Role" || role.Kind == "ClusterRole" {
			all = append(all, role)
		}
	}
	return all, nil
}

// NeedsOf returns what a role grants, one verb and one resource each.
func NeedsOf(role *rbacv1.Role) []Need {
	var all []Need
	for i := range role.Rules {
		rule := &role.Rules[i]
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				resource, subresource, _ := strings.Cut(resource, "/")
				for _, verb := range rule.Verbs {
					for _, name := range names {
						all = append(all, Need{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name, Namespace: role.Namespace})
					}
				}
			}
		}
	}
	return all
}

// clusterWide are resources without a namespace, which a release for one namespace does without.
var clusterWide = []string{"clustertriggerauthentications", "customresourcedefinitions"}

// of returns the permission for a release: in its namespaces, with its names. It returns false if the release does without.
func (n Need) of(r *Release, leaseName string) (Need, bool) {
	if n.Namespace == systemNamespace {
		n.Namespace = r.lease(leaseName).Namespace
		if n.Resource == "leases" && n.Name == usualName {
			n.Name = r.lease(leaseName).Name
		}
		return n, true
	}
	if n.Resource == "validatingwebhookconfigurations" {
		n.Name = r.Webhook()
		return n, true
	}
	if scope := r.Scope(); scope != "" && n.Where == "rbac" {
		n.Namespace = scope
		return n, !slices.Contains(clusterWide, n.Resource)
	}
	return n, true
}

// unusedTarget reports whether a permission is only for targets of a kind that no object has. Without objects, Deployments are expected.
func unusedTarget(n Need, all []Need, objects []v1alpha1.ScaledObject) bool {
	kind := func(resource, group string) bool { return resource == n.Resource && group == n.Group }
	target := slices.ContainsFunc(all, func(other Need) bool { return kind(other.Resource, other.Group) && other.Subresource == "scale" })
	if !target {
		return false
	}
	used := len(objects) == 0 && kind("deployments", "apps")
	for i := range objects {
		to := targetOf(&objects[i])
		used = used || kind(strings.ToLower(to.kind)+"s", to.group)
	}
	return !used
}
