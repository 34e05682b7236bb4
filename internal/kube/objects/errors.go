package objects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// ErrNoCRD is returned if the cluster does not serve ScaledObjects.
var ErrNoCRD = errors.New("the cluster has no ScaledObjects: is Impulse installed in it?")

// explain returns the error of a request for ScaledObjects of a namespace; "" means all namespaces.
func (c *Client) explain(err error, verb, namespace string) error {
	if noCRD(err) {
		return ErrNoCRD
	}
	return Explain(err, c.host, verb, resource+"."+v1alpha1.GroupName, namespace)
}

// refusal matches the text of a request that the API server's authorization refused, and not an admission webhook, and its user.
var refusal = regexp.MustCompile(`User "([^"]*)" cannot \w+ resource`)

// Explain returns the error of a request to the API server at a host: the right that is missing, credentials that are not accepted, or a
// server that cannot be reached. It returns all other errors as they are. what is the resource with its group; namespace "" means all
// namespaces.
func Explain(err error, host, verb, what, namespace string) error {
	var unreachable *url.Error
	switch {
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s does not accept the credentials: log in again, or choose another context or user", host)
	case apierrors.IsForbidden(err):
		user := refusal.FindStringSubmatch(err.Error())
		if user == nil {
			return err
		}
		where := "in all namespaces (-n selects one)"
		if namespace != "" {
			where = "in namespace " + namespace
		}
		return fmt.Errorf("user %q lacks the right to %s %s %s", user[1], verb, what, where)
	case errors.As(err, &unreachable):
		cause := unreachable.Err
		if errors.Is(cause, context.DeadlineExceeded) || unreachable.Timeout() {
			return fmt.Errorf("%s does not answer in time", host)
		}
		if errors.Is(cause, context.Canceled) {
			return cause
		}
		return fmt.Errorf("%s cannot be reached: %s", host, strings.TrimPrefix(cause.Error(), "tls: "))
	case errors.Is(err, context.DeadlineExceeded): // The request had not been sent, or its answer was incomplete.
		return fmt.Errorf("%s does not answer in time", host)
	default:
		return err
	}
}

// noCRD reports whether the server does not serve the resource: it answers 404 without a Status object.
func noCRD(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
