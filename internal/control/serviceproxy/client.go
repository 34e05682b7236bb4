package serviceproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/kube/typed"
)

const (
	// tokenHeader carries the token, because the API server's proxy uses Authorization for itself.
	tokenHeader = "Impulse-Authorization"
	// tokenSeconds is the lifetime of a token, the shortest that the API server issues.
	tokenSeconds = 600
	// viewerSuffix is what the name of the ServiceAccount has after that of the Service.
	viewerSuffix = "-viewer"
	// maxAnswer bounds an answer, in bytes: a list of ten thousand objects has about four million.
	maxAnswer = 64 << 20
)

// Client reads from one Service of Impulse.
type Client struct {
	rest    rest.Interface
	host    string
	service service
	token   string
}

// Connect finds the Service of Impulse in a namespace, and has the API server issue a token of the ServiceAccount that may read. It sends no
// credential of the user to Impulse. Each error is a sentence about the reason.
func Connect(ctx context.Context, config *rest.Config, namespace string) (*Client, error) {
	core, err := typed.NewCore(config)
	if err != nil {
		return nil, err
	}
	c := &Client{rest: core.RESTClient(), host: config.Host}
	followNoRedirect(c.rest)
	if c.service, err = c.find(ctx, namespace); err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}}
	issued, err := core.CreateToken(ctx, namespace, c.service.viewer(), request)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no ServiceAccount %s/%s, which the chart creates", namespace, c.service.viewer())
	}
	if err != nil {
		return nil, c.explain(ctx, err, "create", "serviceaccounts/token")
	}
	c.token = issued.Status.Token
	return c, nil
}

// followNoRedirect makes a client follow no redirect, which would send the token, and the credentials of the user, to another server.
func followNoRedirect(c rest.Interface) {
	if made, ok := c.(*rest.RESTClient); ok {
		client := *made.Client // It may be the default one of the process.
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		made.Client = &client
	}
}

// find returns the Service of Impulse in a namespace.
func (c *Client) find(ctx context.Context, namespace string) (service, error) {
	var all corev1.ServiceList
	c.service.namespace = namespace
	if err := c.rest.Get().Namespace(namespace).Resource("services").MaxRetries(0).Do(ctx).Into(&all); err != nil {
		return service{}, c.explain(ctx, err, "list", "services")
	}
	for i := range all.Items {
		if s, ok := serviceOf(&all.Items[i]); ok {
			return s, nil
		}
	}
	return service{}, fmt.Errorf("there is no Service of Impulse in namespace %s (--lease-namespace names another)", namespace)
}

// Object reads an object. The error is live.ErrNotFound if the leader does not have it.
func (c *Client) Object(ctx context.Context, namespace, name string) (*live.Object, error) {
	o := &live.Object{}
	if err := c.read(ctx, o, "v1", "namespaces", namespace, "scaledobjects", name); err != nil {
		return nil, err
	}
	return o, nil
}

// Rows reads the rows of the objects of a namespace; "" means all namespaces.
func (c *Client) Rows(ctx context.Context, namespace string) ([]live.Row, error) {
	path := []string{"v1", "scaledobjects"}
	if namespace != "" {
		path = []string{"v1", "namespaces", namespace, "scaledobjects"}
	}
	var answer struct{ Rows []live.Row }
	err := c.read(ctx, &answer, path...)
	return answer.Rows, err
}

// read decodes the answer to a request for a path.
func (c *Client) read(ctx context.Context, into any, path ...string) error {
	body, err := c.rest.Get().Namespace(c.service.namespace).Resource("services").Name(c.service.segment()).SubResource("proxy").Suffix(path...).
		SetHeader(tokenHeader, "Bearer "+c.token).SetHeader("Accept", "application/json").MaxRetries(0).Stream(ctx)
	if err != nil {
		return c.explain(ctx, err, "get", "services/proxy")
	}
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err = errors.Join(err, body.Close()); err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("read the answer of Service %s: %w", c.service, err)
	}
	return nil
}
