package uninstall

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
)

const (
	// pageSize is the number of ScaledObjects in one list request.
	pageSize = 200
	// maxNamed is the number of remaining ScaledObjects that are listed by name.
	maxNamed = 5
)

// objects reads the ScaledObjects that remain after their definition was deleted.
type objects struct {
	client     rest.Interface
	finalizers *controller.Cluster
	// keepCounts removes Impulse's finalizer from every object that remains.
	keepCounts bool
}

func newObjects(config *rest.Config, keepCounts bool) (*objects, error) {
	c, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	cluster, err := controller.NewCluster(config, "", slog.New(slog.DiscardHandler)) // Nothing is watched.
	if err != nil {
		return nil, err
	}
	return &objects{client: c, finalizers: cluster, keepCounts: keepCounts}, nil
}

// list returns the first ScaledObjects, and how many there are; none if their definition does not exist.
func (o *objects) list(ctx context.Context) ([]v1alpha1.ScaledObject, int, error) {
	var list v1alpha1.ScaledObjectList
	err := o.client.Get().Resource("scaledobjects").Param("limit", strconv.Itoa(pageSize)).Do(ctx).Into(&list)
	if apierrors.IsNotFound(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list the ScaledObjects: %w", err)
	}
	total := len(list.Items)
	if list.RemainingItemCount != nil {
		total += int(*list.RemainingItemCount)
	}
	return list.Items, total, nil
}

// present describes the ScaledObjects that exist.
func (o *objects) present(ctx context.Context) (string, error) {
	items, total, err := o.list(ctx)
	switch {
	case err != nil:
		return "", err
	case total == 0:
		return "no ScaledObject", nil
	}
	var names []string
	for i := range items[:min(len(items), maxNamed)] {
		names = append(names, items[i].Namespace+"/"+items[i].Name)
	}
	if total > maxNamed {
		names = append(names, fmt.Sprintf("and %d more", total-maxNamed))
	}
	return fmt.Sprintf("all ScaledObjects, %d (%s)", total, strings.Join(names, ", ")), nil
}

// remaining describes the ScaledObjects that remain, each with the reason; "" if there are none.
func (o *objects) remaining(ctx context.Context) string {
	items, total, err := o.list(ctx)
	switch {
	case err != nil:
		return err.Error()
	case len(items) == 0:
		return ""
	}
	var names []string
	for i := range items {
		so := &items[i]
		reason := o.reason(ctx, so)
		if i < maxNamed {
			names = append(names, fmt.Sprintf("%s/%s (%s)", so.Namespace, so.Name, reason))
		}
	}
	if total > maxNamed {
		names = append(names, fmt.Sprintf("and %d more", total-maxNamed))
	}
	return "ScaledObjects remain: " + strings.Join(names, ", ")
}

// reason returns the reason for which a ScaledObject remains. With keepCounts, it first removes Impulse's finalizer; an error is the
// reason then, and the next read retries. Messages of the object are quoted, because others may have written them.
func (o *objects) reason(ctx context.Context, so *v1alpha1.ScaledObject) string {
	for _, f := range so.Finalizers {
		if f != controller.Finalizer {
			return "it has the finalizer " + f + ", which is not Impulse's"
		}
	}
	if o.keepCounts {
		err := o.finalizers.RemoveFinalizer(ctx, status.Object{Namespace: so.Namespace, Name: so.Name, UID: string(so.UID)})
		if err != nil {
			return err.Error()
		}
		return "its target keeps its count"
	}
	ready := meta.FindStatusCondition(so.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case len(so.Finalizers) == 0:
		return "it is being deleted"
	case ready != nil && ready.Reason == v1alpha1.ReasonRestoreFailed:
		return fmt.Sprintf("%s: %q", ready.Reason, ready.Message)
	default:
		return "the count of its target has not been restored yet"
	}
}
