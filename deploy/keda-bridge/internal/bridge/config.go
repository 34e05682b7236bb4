package bridge

import (
	"maps"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// requestTime is the timeout of a scaler's HTTP requests.
const requestTime = 10 * time.Second

// unknownIsNoZero has, by type, the parameters with which a scaler reports an empty answer as an error, where the default is 0.
var unknownIsNoZero = map[string]map[string]string{
	"aws-cloudwatch": {"ignoreNullValues": "false"},
	"loki":           {"ignoreNullValues": "false"},
	"new-relic":      {"noDataError": "true"},
	"prometheus":     {"ignoreNullValues": "false"},
}

// metadataOf returns the metadata of a trigger, with safe values for parameters that are not given.
func metadataOf(r *bridgeapi.ReadRequest) map[string]string {
	metadata := clone(unknownIsNoZero[r.GetType()])
	maps.Copy(metadata, r.GetMetadata())
	return metadata
}

// configOf returns the configuration of a scaler, which may change it.
func configOf(r *bridgeapi.ReadRequest) *scalersconfig.ScalerConfig {
	object := &kedav1alpha1.ScaledObject{}
	object.Namespace, object.Name = r.GetNamespace(), r.GetObject()
	return &scalersconfig.ScalerConfig{
		ScalableObjectName: r.GetObject(), ScalableObjectNamespace: r.GetNamespace(), ScalableObjectType: "ScaledObject",
		GlobalHTTPTimeout: requestTime,
		TriggerName:       r.GetTrigger(), TriggerType: r.GetType(),
		TriggerMetadata:  metadataOf(r),
		ResolvedEnv:      clone(r.GetEnvironment()),
		AuthParams:       texts(r.GetParameters()),
		PodIdentity:      identityOf(r.GetPodIdentity()),
		TriggerUniqueKey: r.GetNamespace() + "/" + r.GetObject() + "/" + r.GetTrigger(),
		MetricType:       autoscalingv2.MetricTargetType(r.GetMetricType()),
		AsMetricSource:   r.GetInput(),
		Recorder:         silent{},
		ScaledObject:     object,
	}
}

// identityOf returns an identity in a cloud.
func identityOf(i *bridgeapi.PodIdentity) kedav1alpha1.AuthPodIdentity {
	if i.GetProvider() == "" {
		return kedav1alpha1.AuthPodIdentity{Provider: kedav1alpha1.PodIdentityProviderNone}
	}
	return kedav1alpha1.AuthPodIdentity{
		Provider:   kedav1alpha1.PodIdentityProvider(i.GetProvider()),
		IdentityID: set(i.GetIdentityId()), IdentityTenantID: set(i.GetIdentityTenantId()), IdentityAuthorityHost: set(i.GetIdentityAuthorityHost()),
		RoleArn: set(i.GetRoleArn()), ExternalID: set(i.GetExternalId()), IdentityOwner: set(i.GetIdentityOwner()),
	}
}

// set returns nil for "".
func set(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// clone returns a copy that is not nil.
func clone(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

// texts returns values as KEDA's scalers take them: a Go string holds any bytes.
func texts(values map[string][]byte) map[string]string {
	all := make(map[string]string, len(values))
	for name, value := range values {
		all[name] = string(value)
	}
	return all
}

// silent drops the events that scalers record, such as about deprecated parameters.
type silent struct{}

// Eventf implements events.EventRecorder.
func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}
