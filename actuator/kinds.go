package actuator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// kindName is a kind as a target names it.
type kindName struct{ apiVersion, kind string }

// String returns the kind and its API version.
func (n kindName) String() string { return n.kind + " of " + n.apiVersion }

// kinds caches which resource serves a kind, until that turns out to be wrong. A kind that the API server does not know is not
// cached, since it may be installed at any time.
type kinds struct {
	rest  rest.Interface
	mu    sync.Mutex
	known map[kindName]schema.GroupVersionResource
}

// find returns the resource of a kind. The error wraps ErrNoScale when there is no such kind with a scale subresource.
func (k *kinds) find(ctx context.Context, name kindName) (schema.GroupVersionResource, error) {
	k.mu.Lock()
	gvr, ok := k.known[name]
	k.mu.Unlock()
	if ok {
		return gvr, nil
	}
	// The lock is not held: a group whose server hangs must not delay the others.
	gvr, err := k.discover(ctx, name)
	if err != nil {
		return gvr, fmt.Errorf("find %s %s: %w", name.apiVersion, name.kind, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = make(map[kindName]schema.GroupVersionResource)
	}
	k.known[name] = gvr
	return gvr, nil
}

// forget removes a kind from the cache, so that the next find asks the API server.
func (k *kinds) forget(name kindName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, name)
}

func (k *kinds) discover(ctx context.Context, name kindName) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(name.apiVersion)
	if err != nil {
		return schema.GroupVersionResource{}, fmt.Errorf("%w: %w", ErrNoScale, err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var list metav1.APIResourceList
	err = k.rest.Get().AbsPath(groupPath(gv)).Do(ctx).Into(&list)
	if apierrors.IsNotFound(err) {
		return schema.GroupVersionResource{}, noKind(name)
	}
	if err != nil {
		return schema.GroupVersionResource{}, readError(err)
	}
	resource, err := scalable(list.APIResources, name)
	return gv.WithResource(resource), err
}

// scalable returns the name of the namespaced resource of a kind that has a scale subresource.
func scalable(resources []metav1.APIResource, name kindName) (string, error) {
	i := slices.IndexFunc(resources, func(r metav1.APIResource) bool {
		return r.Kind == name.kind && !strings.Contains(r.Name, "/")
	})
	if i < 0 {
		return "", noKind(name)
	}
	resource := resources[i].Name
	if !resources[i].Namespaced {
		return "", fmt.Errorf("%w: its kind is not in a namespace", ErrNoScale)
	}
	if !slices.ContainsFunc(resources, func(r metav1.APIResource) bool { return r.Name == resource+"/scale" }) {
		return "", fmt.Errorf("%w: its kind has no scale subresource", ErrNoScale)
	}
	return resource, nil
}

// noKind is the error that the cluster does not serve a kind.
func noKind(name kindName) error {
	return fmt.Errorf("%w: the cluster has no kind %s in %s", ErrNoScale, name.kind, name.apiVersion)
}

// groupPath returns the path at which the API server serves a group and version.
func groupPath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "/api/" + gv.Version
	}
	return "/apis/" + gv.Group + "/" + gv.Version
}

// paths are the JSON paths of the count and the selector of a custom resource; selector may be empty.
type paths struct{ count, selector []string }

// crd is the part of a CustomResourceDefinition that is read.
type crd struct {
	Spec struct {
		Versions []struct {
			Name         string `json:"name"`
			Subresources struct {
				Scale struct {
					SpecReplicasPath  string `json:"specReplicasPath"`
					LabelSelectorPath string `json:"labelSelectorPath"`
				} `json:"scale"`
			} `json:"subresources"`
		} `json:"versions"`
	} `json:"spec"`
}

// scalePaths returns where a custom resource has its count. It returns false when the definition cannot be read, because a permission is
// missing, the kind is served by an aggregated API and has none, or there is no answer in time.
func (k *kinds) scalePaths(ctx context.Context, gvr schema.GroupVersionResource) (paths, bool) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	raw, err := k.rest.Get().
		AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", gvr.GroupResource().String()).
		Do(ctx).Raw()
	var definition crd
	if err != nil || json.Unmarshal(raw, &definition) != nil {
		return paths{}, false
	}
	for _, v := range definition.Spec.Versions {
		if scale := v.Subresources.Scale; v.Name == gvr.Version && scale.SpecReplicasPath != "" {
			return paths{count: split(scale.SpecReplicasPath), selector: split(scale.LabelSelectorPath)}, true
		}
	}
	return paths{}, false
}

// split splits a JSON path in dot notation, the only one that a CustomResourceDefinition allows here.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' })
}
