package doctor

import (
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Read is what was read, or the error of reading it.
type Read[T any] struct {
	Value T
	Err   error
}

// Installation is what was read about an installation.
type Installation struct {
	// Now is the time on the machine of the user, and Version the version of the program that runs there.
	Now     time.Time
	Version string
	// Namespace is that of the objects which were read; "" means all.
	Namespace string
	// LeaseNamespace and LeaseName are those of the Lease, and LeaseNamespace that of the release.
	LeaseNamespace, LeaseName string

	Cluster     Read[Cluster]
	Definitions Read[[]Definition]
	Deployments Read[[]appsv1.Deployment]
	// Lease is nil if there is none.
	Lease Read[*Lease]
	// Granted are the answers about the permissions of the ServiceAccount, and User those about the user.
	Granted Read[[]Answer]
	User    Read[[]Answer]
	Objects Read[[]v1alpha1.ScaledObject]
	HPAs    Read[[]autoscalingv2.HorizontalPodAutoscaler]
	// KEDA are the ScaledObjects of KEDA; none if the cluster has no such kind.
	KEDA     Read[[]KEDAObject]
	Webhooks Read[[]admissionregistrationv1.ValidatingWebhookConfiguration]
	// Services are those of the namespace of the release.
	Services Read[[]corev1.Service]
	// Ready are the ready endpoints of Services, and Secrets the Secrets, that the release and the webhooks name.
	Ready   map[Key]Read[int]
	Secrets map[Key]Read[*Secret]
	// Routings are the configurations of Alertmanagers.
	Routings Read[[]Routing]
}

// Key names an object.
type Key struct{ Namespace, Name string }

func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Cluster is the API server.
type Cluster struct {
	Host string
	// Version is its version, such as v1.35.1, and Minor the number of its minor version; 0 if unknown.
	Version string
	Minor   int
}

// Definition is how a CustomResourceDefinition differs from the types of this program.
type Definition struct {
	Name string
	// Absent: the cluster does not serve it.
	Absent bool
	// Lacks are fields that only this program knows, and Extra those that only the definition has.
	Lacks, Extra []string
}

// Lease is the Lease of the leader.
type Lease struct {
	// Holder is "" if nobody holds it. Version is that of the holder; "" if unknown.
	Holder, Version string
	Renewed         time.Time
	// Advanced: a second read found a newer renewal, so the holder is alive, no matter what the clocks say.
	Advanced bool
}

// KEDAObject is a ScaledObject of KEDA.
type KEDAObject struct {
	Key

	// APIVersion, Kind and Target are those of its scaleTargetRef.
	APIVersion, Kind, Target string
}

// Secret is what the checks may know about a Secret: its keys that are not empty, and its certificates.
type Secret struct {
	Keys         []string
	Certificates map[string][]byte
}
