package metricsapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// resources finds the resource of a kind, as the name of a resource and its group: ingresses.networking.k8s.io. A kind that is not found
// is not cached, since it may be installed at any time. The resource of a kind does not change.
type resources struct {
	rest rest.Interface

	mu    sync.Mutex
	known map[schema.GroupKind]string
}

func (r *resources) find(ctx context.Context, kind schema.GroupKind) (string, error) {
	r.mu.Lock()
	resource, ok := r.known[kind]
	r.mu.Unlock()
	if ok {
		return resource, nil
	}
	// The lock is not held: a group whose server hangs must not delay the others.
	resource, err := r.discover(ctx, kind)
	if err != nil {
		return "", fmt.Errorf("find the resource of %s: %w", kind, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[schema.GroupKind]string{}
	}
	r.known[kind] = resource
	return resource, nil
}

// discover looks for a kind in each version of its group, the preferred one first. The version in the object's apiVersion does not
// matter, as for a HorizontalPodAutoscaler: old ones name versions that are no longer served.
func (r *resources) discover(ctx context.Context, kind schema.GroupKind) (string, error) {
	paths := []string{"/api/v1"}
	if kind.Group != "" {
		var group metav1.APIGroup
		if err := r.get(ctx, "/apis/"+kind.Group, &group); err != nil {
			return "", err
		}
		paths = []string{"/apis/" + group.PreferredVersion.GroupVersion}
		for _, version := range group.Versions {
			if version.GroupVersion != group.PreferredVersion.GroupVersion {
				paths = append(paths, "/apis/"+version.GroupVersion)
			}
		}
	}
	for _, path := range paths {
		var list metav1.APIResourceList
		if err := r.get(ctx, path, &list); err != nil {
			return "", err
		}
		i := slices.IndexFunc(list.APIResources, func(r metav1.APIResource) bool {
			return r.Kind == kind.Kind && !strings.Contains(r.Name, "/")
		})
		if i >= 0 {
			return schema.GroupResource{Group: kind.Group, Resource: list.APIResources[i].Name}.String(), nil
		}
	}
	return "", fmt.Errorf("the cluster has no such kind in %s", strings.Join(paths, ", "))
}

func (r *resources) get(ctx context.Context, path string, into runtime.Object) error {
	return r.rest.Get().AbsPath(path).MaxRetries(0).Do(ctx).Into(into)
}
