package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Names of the APIs, which are also the names of their servers in a triggers.PollKey.
const (
	customAPI   = "custom.metrics.k8s.io"
	externalAPI = "external.metrics.k8s.io"
)

// Object returns the kind kubernetes-object.
func Object() triggers.Kind {
	k := triggers.Define("kubernetes-object", "A metric of one Kubernetes object, from a metrics adapter (custom.metrics.k8s.io).", ObjectConfig{ObjectAPIVersion: "v1"}, openObject)
	k.Example = map[string]string{"metricName": "requests_per_second", "objectApiVersion": "networking.k8s.io/v1", "objectKind": "Ingress", "objectName": "web", "value": "100"}
	return k
}

// Pods returns the kind kubernetes-pods.
func Pods() triggers.Kind {
	k := triggers.Define("kubernetes-pods", "A metric of each of the target's pods, from a metrics adapter (custom.metrics.k8s.io).", PodsConfig{}, openPods)
	k.Metrics = []scalers.Metric{scalers.AverageValue}
	k.Example = map[string]string{"metricName": "requests_per_second", "value": "100"}
	return k
}

// External returns the kind kubernetes-external.
func External() triggers.Kind {
	k := triggers.Define("kubernetes-external", "A metric of something outside the cluster, from a metrics adapter (external.metrics.k8s.io).", ExternalConfig{}, openExternal)
	k.Example = map[string]string{"metricName": "queue_messages_ready", "metricSelector": "queue=orders", "value": "30"}
	return k
}

// errNoCluster is the error of a trigger that is opened without an API server.
var errNoCluster = errors.New("metrics adapters need a cluster")

// key identifies what a trigger reads. parts starts with the name of the kind.
func key(api string, parts ...string) triggers.PollKey {
	return triggers.PollKey{Server: api, Key: strings.Join(parts, "\x00")}
}

// reason returns why a reading of an API failed: the cause of the end of ctx, or err with the most likely remedy.
func reason(ctx context.Context, api string, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the metrics adapter does not have it, or no adapter serves %s: %w", api, err)
	case apierrors.IsServiceUnavailable(err):
		return fmt.Errorf("the metrics adapter does not answer: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("impulse is not allowed to read it; deploy/manifests has the necessary permissions: %w", err)
	}
	return err
}
