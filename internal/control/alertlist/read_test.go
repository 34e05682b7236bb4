package alertlist

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestRead(t *testing.T) {
	t.Run("a forbidden list differs from a missing CRD", testForbiddenListDiffersFromMissingCRD)
}

func testForbiddenListDiffersFromMissingCRD(t *testing.T) {
	outage := sandbox.NewControlPlane(t)
	read := func(config *rest.Config) error {
		config = rest.CopyConfig(config)
		group := v1alpha1.GroupVersion()
		config.APIPath, config.GroupVersion, config.NegotiatedSerializer = "/apis", &group, scheme.Codecs.WithoutConversion()
		client, err := rest.RESTClientFor(config)
		if err != nil {
			t.Fatal(err)
		}
		_, err = FromCluster(t.Context(), client, "default")
		return err
	}
	if err := read(outage.Config); !errors.Is(err, errNoCRD) {
		t.Errorf("without the CRD: %v", err)
	}
	outage.ApplyCRDs("../../../deploy/crds")
	if err := read(outage.Config); err != nil {
		t.Errorf("with the CRD: %v", err)
	}
	powerless := rest.CopyConfig(outage.Config)
	powerless.Impersonate.UserName = "nobody-in-particular"
	err := read(powerless)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `list the AlertSets in default: alertsets.impulse.sh is forbidden: User "nobody-in-particular" cannot list`) {
		t.Errorf("without permissions: %v", err)
	}
}
