package metricsapi

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
)

// versionAge is how long a preferred version is used, so that another version or another adapter takes effect soon. A
// HorizontalPodAutoscaler asks at each of its syncs.
const versionAge = 15 * time.Second

// versions knows the preferred version of custom.metrics.k8s.io.
type versions struct {
	rest rest.Interface
	now  func() time.Time

	mu    sync.Mutex
	known schema.GroupVersion
	until time.Time
}

// preferred returns the version that the API server prefers, or else the first that is understood here.
func (v *versions) preferred(ctx context.Context) (schema.GroupVersion, error) {
	v.mu.Lock()
	known, until := v.known, v.until
	v.mu.Unlock()
	if v.now().Before(until) {
		return known, nil
	}
	// The lock is not held, so that a slow API server delays each reading once only.
	var group metav1.APIGroup
	if err := v.rest.Get().AbsPath("/apis", custommetrics.GroupName).MaxRetries(0).Do(ctx).Into(&group); err != nil {
		return schema.GroupVersion{}, fmt.Errorf("find the version of %s: %w", custommetrics.GroupName, err)
	}
	chosen, err := choose(&group)
	if err != nil {
		return schema.GroupVersion{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known, v.until = chosen, v.now().Add(versionAge)
	return chosen, nil
}

// choose returns the version of a group that is understood here: the preferred one if possible.
func choose(group *metav1.APIGroup) (schema.GroupVersion, error) {
	all := []string{group.PreferredVersion.GroupVersion}
	for _, version := range group.Versions {
		all = append(all, version.GroupVersion)
	}
	for _, version := range all {
		i := slices.IndexFunc(knownVersions, func(gv schema.GroupVersion) bool { return gv.String() == version })
		if i >= 0 {
			return knownVersions[i], nil
		}
	}
	return schema.GroupVersion{}, fmt.Errorf("the adapter serves the versions %q of %s, and none of them is known here", all[1:], custommetrics.GroupName)
}
