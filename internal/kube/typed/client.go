package typed

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
)

// newClient returns a client of one group and version, which asks for protobuf. config is not changed. It does no I/O.
func newClient(config *rest.Config, gv schema.GroupVersion) (rest.Interface, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath = &gv, "/apis"
	if gv.Group == "" {
		config.APIPath = "/api"
	}
	config.NegotiatedSerializer = rest.CodecFactoryForGeneratedClient(scheme, Codecs).WithoutConversion()
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", gv, err)
	}
	return client, nil
}

// Leases reads and writes the Leases of one namespace.
type Leases = gentype.ClientWithList[*coordinationv1.Lease, *coordinationv1.LeaseList]

// NewLeases returns a client of the Leases of a namespace, of all of them if it is "". It does no I/O.
func NewLeases(config *rest.Config, namespace string) (*Leases, error) {
	client, err := newClient(config, coordinationv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	return gentype.NewClientWithList(
		"leases", client, parameters, namespace,
		func() *coordinationv1.Lease { return &coordinationv1.Lease{} }, func() *coordinationv1.LeaseList { return &coordinationv1.LeaseList{} },
		gentype.PrefersProtobuf[*coordinationv1.Lease](),
	), nil
}

// Reviews asks the API server who the user of its requests is.
type Reviews = gentype.Client[*authenticationv1.SelfSubjectReview]

// NewReviews returns a client of SelfSubjectReviews. It does no I/O.
func NewReviews(config *rest.Config) (*Reviews, error) {
	client, err := newClient(config, authenticationv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	return gentype.NewClient(
		"selfsubjectreviews", client, parameters, "", func() *authenticationv1.SelfSubjectReview { return &authenticationv1.SelfSubjectReview{} },
		gentype.PrefersProtobuf[*authenticationv1.SelfSubjectReview](),
	), nil
}

// Webhooks reads and writes ValidatingWebhookConfigurations.
type Webhooks = gentype.Client[*admissionregistrationv1.ValidatingWebhookConfiguration]

// NewWebhooks returns a client of ValidatingWebhookConfigurations. It does no I/O.
func NewWebhooks(config *rest.Config) (*Webhooks, error) {
	client, err := newClient(config, admissionregistrationv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	return gentype.NewClient(
		"validatingwebhookconfigurations", client, parameters, "",
		func() *admissionregistrationv1.ValidatingWebhookConfiguration {
			return &admissionregistrationv1.ValidatingWebhookConfiguration{}
		},
		gentype.PrefersProtobuf[*admissionregistrationv1.ValidatingWebhookConfiguration](),
	), nil
}
