package metricsapi

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics"
	custommetricsv1beta1 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta1"
	custommetricsv1beta2 "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	"k8s.io/metrics/pkg/client/custom_metrics/scheme"
)

// knownVersions are the versions of custom.metrics.k8s.io that are understood here, the newest first.
var knownVersions = []schema.GroupVersion{custommetricsv1beta2.SchemeGroupVersion, custommetricsv1beta1.SchemeGroupVersion}

// decoder decodes values of all known versions. client-go's packages of the metrics APIs have the same decoder, and link the clients of all
// groups of Kubernetes.
var decoder = serializer.NewCodecFactory(scheme.Scheme).UniversalDecoder(append(knownVersions, custommetrics.SchemeGroupVersion)...)

// decodeValues decodes an adapter's list of values, in any known version.
func decodeValues(answer []byte) (*custommetricsv1beta2.MetricValueList, error) {
	object, err := runtime.Decode(decoder, answer)
	if err != nil {
		return nil, err
	}
	internal, err := scheme.Scheme.UnsafeConvertToVersion(object, custommetrics.SchemeGroupVersion)
	if err != nil {
		return nil, fmt.Errorf("read the adapter's answer: %w", err)
	}
	converted, err := scheme.Scheme.UnsafeConvertToVersion(internal, custommetricsv1beta2.SchemeGroupVersion)
	if err != nil {
		return nil, fmt.Errorf("read the adapter's answer: %w", err)
	}
	list, ok := converted.(*custommetricsv1beta2.MetricValueList)
	if !ok {
		return nil, fmt.Errorf("the adapter returned a %T instead of a list of values", converted)
	}
	return list, nil
}
