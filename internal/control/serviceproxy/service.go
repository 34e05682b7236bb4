package serviceproxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

const (
	// portName is the name of the port of the HTTP server, in the Service and in the Pods of the chart.
	portName = "http"
	// httpsPort is the port of a Service with TLS whose appProtocol is not set.
	httpsPort = 443
)

// service is a Service of Impulse.
type service struct {
	namespace, name string
	tls             bool
}

// serviceOf returns the Service if it is that of the HTTP server of Impulse: the chart and deploy/manifests label it, and name its port.
func serviceOf(s *corev1.Service) (service, bool) {
	if s.Labels["app.kubernetes.io/name"] != "impulse" && !strings.HasPrefix(s.Labels["helm.sh/chart"], "impulse-") {
		return service{}, false
	}
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		if p.Name != portName {
			continue
		}
		tls := p.Port == httpsPort
		if p.AppProtocol != nil {
			tls = strings.EqualFold(*p.AppProtocol, "https")
		}
		return service{s.Namespace, s.Name, tls}, true
	}
	return service{}, false
}

func (s service) String() string { return s.namespace + "/" + s.name }

// viewer is the name of the ServiceAccount that may read.
func (s service) viewer() string { return s.name + viewerSuffix }

// segment is the name of the Service in a path of the proxy, and in a rule of RBAC about services/proxy.
func (s service) segment() string {
	if s.tls {
		return "https:" + s.name + ":" + portName
	}
	return s.name + ":" + portName
}

// explain returns the reason of an error as a sentence. verb and resource are what the user needs a permission for.
func (c *Client) explain(ctx context.Context, err error, verb, resource string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("there was no answer in time")
	}
	text, own := answerOf(err)
	code := 0
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		code = int(status.Status().Code)
	}
	switch {
	case !own && code == http.StatusServiceUnavailable:
		return fmt.Errorf("the API server cannot reach Service %s: %s", c.service, text)
	case !own:
		return objects.Explain(err, c.host, verb, resource, c.service.namespace)
	case code == http.StatusNotFound && text == live.ErrNotFound.Error():
		return live.ErrNotFound
	case code == http.StatusUnauthorized:
		return fmt.Errorf("the Service %s does not accept tokens of ServiceAccounts: does the Impulse that runs have an older version than this program?", c.service)
	case code == http.StatusForbidden:
		return fmt.Errorf("ServiceAccount %s/%s may not list these ScaledObjects", c.service.namespace, c.service.viewer())
	default:
		return fmt.Errorf("the Service %s answers: %s", c.service, cmp.Or(text, err.Error()))
	}
}

// answerOf returns the text of a refusal. own is true if it is that of the Service, and false if it is that of the API server.
func answerOf(err error) (text string, own bool) {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return "", false
	}
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			if cause.Type == metav1.CauseTypeUnexpectedServerResponse {
				return strings.TrimSpace(cause.Message), true
			}
		}
	}
	return status.Status().Message, false
}
