package kubernetes

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// ObjectConfig is the metadata of a kubernetes-object trigger.
type ObjectConfig struct {
	MetricName       string        `json:"metricName" required:"true" doc:"Name of the metric."`
	MetricSelector   string        `json:"metricSelector" doc:"Label selector of the metric, in the form of kubectl: code=500,method in (GET,PUT). Without it, the adapter decides which series count."`
	ObjectAPIVersion string        `json:"objectApiVersion" doc:"apiVersion of the described object, such as networking.k8s.io/v1. Only its group matters."`
	ObjectKind       string        `json:"objectKind" required:"true" doc:"Kind of the described object, such as Service or Ingress. For Namespace it is the namespace of the ScaledObject."`
	ObjectName       string        `json:"objectName" required:"true" doc:"Name of the described object. It is in the namespace of the ScaledObject."`
	Value            scalers.Milli `json:"value" required:"true" doc:"Target: of the metric divided by the replicas (metricType AverageValue, the default), or of the metric itself (Value)."`
	ActivationValue  scalers.Milli `json:"activationValue" doc:"The trigger is active above this value. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
}

// PodsConfig is the metadata of a kubernetes-pods trigger.
type PodsConfig struct {
	MetricName     string        `json:"metricName" required:"true" doc:"Name of the metric."`
	MetricSelector string        `json:"metricSelector" doc:"Label selector of the metric, in the form of kubectl: code=500,method in (GET,PUT). Without it, the adapter decides which series count."`
	Value          scalers.Milli `json:"value" required:"true" doc:"Target of the average over the pods."`
}

// ExternalConfig is the metadata of a kubernetes-external trigger.
type ExternalConfig struct {
	MetricName      string        `json:"metricName" required:"true" doc:"Name of the metric. It is sent in lower case, as a HorizontalPodAutoscaler does."`
	MetricSelector  string        `json:"metricSelector" doc:"Label selector of the metric, in the form of kubectl: queue=orders,region in (eu,us). The values of all series that it selects are added."`
	Value           scalers.Milli `json:"value" required:"true" doc:"Target: of the sum divided by the replicas (metricType AverageValue, the default), or of the sum itself (Value)."`
	ActivationValue scalers.Milli `json:"activationValue" doc:"The trigger is active above this value. This matters only for a workload with an idle count (idleReplicaCount, or 0 with minReplicaCount: 0)."`
}

// Validate returns all mistakes.
func (c ObjectConfig) Validate() error {
	_, err := schema.ParseGroupVersion(c.ObjectAPIVersion)
	if err != nil || strings.TrimSpace(c.ObjectAPIVersion) == "" {
		err = invalid("objectApiVersion", fmt.Sprintf("%q is not an apiVersion", c.ObjectAPIVersion), "write VERSION or GROUP/VERSION, such as networking.k8s.io/v1")
	}
	return errors.Join(
		checkName("metricName", c.MetricName), checkSelector(c.MetricSelector), err, checkName("objectKind", c.ObjectKind),
		checkName("objectName", c.ObjectName), checkValue(c.Value),
	)
}

// Trigger divides the level by the value.
func (c ObjectConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, Activation: c.ActivationValue}
}

// object returns the described object of a valid config.
func (c ObjectConfig) object() triggers.MetricObject {
	version, _ := schema.ParseGroupVersion(c.ObjectAPIVersion)
	return triggers.MetricObject{GroupKind: version.WithKind(c.ObjectKind).GroupKind(), Name: c.ObjectName}
}

// Validate returns all mistakes.
func (c PodsConfig) Validate() error {
	return errors.Join(checkName("metricName", c.MetricName), checkSelector(c.MetricSelector), checkValue(c.Value))
}

// Trigger averages the level over the pods.
func (c PodsConfig) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Value, PerPod: true} }

// Validate returns all mistakes.
func (c ExternalConfig) Validate() error {
	return errors.Join(checkName("metricName", c.MetricName), checkSelector(c.MetricSelector), checkValue(c.Value))
}

// Trigger divides the level by the value.
func (c ExternalConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, Activation: c.ActivationValue}
}

// query returns what to ask an adapter for.
func query(namespace, name, selector string) triggers.MetricQuery {
	parsed, err := labels.Parse(selector)
	if err != nil { // Validate has refused it.
		parsed = labels.Everything()
	}
	return triggers.MetricQuery{Namespace: namespace, Name: name, Selector: parsed.String()}
}

// checkName returns an error for a name that cannot be part of a path.
func checkName(field, name string) error {
	if problems := content.IsPathSegmentName(name); len(problems) > 0 {
		return invalid(field, fmt.Sprintf("%q %s", name, strings.Join(problems, ", ")), "")
	}
	return nil
}

func checkSelector(selector string) error {
	if _, err := labels.Parse(selector); err != nil {
		return invalid("metricSelector", "is not a label selector: "+err.Error(), "write it as for kubectl get -l, such as queue=orders")
	}
	return nil
}

func checkValue(value scalers.Milli) error {
	if value <= 0 {
		return invalid("value", "must be above 0", "")
	}
	return nil
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
