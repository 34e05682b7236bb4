package typed

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
)

// Core is a client of the core group.
type Core struct{ client rest.Interface }

// NewCore returns a client of the core group. It does no I/O.
func NewCore(config *rest.Config) (*Core, error) {
	client, err := newClient(config, corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	return &Core{client}, nil
}

// RESTClient returns the client that all the others use.
func (c *Core) RESTClient() rest.Interface { return c.client }

// Secrets reads and writes the Secrets of one namespace.
type Secrets = gentype.Client[*corev1.Secret]

// Secrets returns a client of the Secrets of a namespace.
func (c *Core) Secrets(namespace string) *Secrets {
	return gentype.NewClient(
		"secrets", c.client, parameters, namespace, func() *corev1.Secret { return &corev1.Secret{} }, gentype.PrefersProtobuf[*corev1.Secret](),
	)
}

// LimitRanges lists the LimitRanges of one namespace.
type LimitRanges = gentype.ClientWithList[*corev1.LimitRange, *corev1.LimitRangeList]

// LimitRanges returns a client of the LimitRanges of a namespace.
func (c *Core) LimitRanges(namespace string) *LimitRanges {
	return gentype.NewClientWithList(
		"limitranges", c.client, parameters, namespace,
		func() *corev1.LimitRange { return &corev1.LimitRange{} }, func() *corev1.LimitRangeList { return &corev1.LimitRangeList{} },
		gentype.PrefersProtobuf[*corev1.LimitRange](),
	)
}

// CreateToken issues a token of a service account.
func (c *Core) CreateToken(ctx context.Context, namespace, account string, request *authenticationv1.TokenRequest) (*authenticationv1.TokenRequest, error) {
	issued := &authenticationv1.TokenRequest{}
	err := c.client.Post().UseProtobufAsDefault().Namespace(namespace).Resource("serviceaccounts").Name(account).SubResource("token").
		Body(request).Do(ctx).Into(issued)
	return issued, err
}

// EventSink returns a sink of Events, for all namespaces. Its requests end with ctx.
func (c *Core) EventSink(ctx context.Context) EventSink { return EventSink{ctx, c.client} }
