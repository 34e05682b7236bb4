package scenario

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// busy and idle are CPU usages of a pod of the Deployment api, which requests 100m.
const busy, idle = "190m", "1m"

// setUsage sets the CPU usage of one pod of the Deployment api; the others are idle. Pods of the sandbox have the usage that their
// annotation states. In a cluster with real kubelets, setUsage has no effect.
func (s *Stack) setUsage(ctx context.Context, cpu string) error {
	list, err := s.dynamic.Resource(pods).Namespace(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=api"})
	if err != nil {
		return fmt.Errorf("list the pods of Deployment api: %w", err)
	}
	for i := range list.Items {
		load := idle
		if i == 0 {
			load = cpu
		}
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"kwok.x-k8s.io/usage-cpu":%q}}}`, load)
		name := list.Items[i].GetName()
		if _, err := s.dynamic.Resource(pods).Namespace(Namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("set the usage of pod %s: %w", name, err)
		}
	}
	return nil
}
