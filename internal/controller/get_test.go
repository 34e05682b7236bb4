package controller

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/sandboxtest"
)

func TestAnObjectThatIsNotThereIsToldFromAClusterWithoutACRD(t *testing.T) {
	outage := sandboxtest.NewOutage(t)
	config := rest.CopyConfig(outage.Config)
	if _, err := Get(t.Context(), config, "default", "web"); !errors.Is(err, ErrNoCRD) {
		t.Errorf("without the CRD: %v", err)
	}
	outage.CRDs("../../deploy/crds")
	if _, err := Get(t.Context(), config, "default", "web"); err == nil || !strings.Contains(err.Error(), `there is no ScaledObject "web" in namespace "default"`) {
		t.Errorf("with the CRD: %v", err)
	}
	config.Impersonate.UserName = "nobody-in-particular"
	if _, err := List(t.Context(), config, "default"); !apierrors.IsForbidden(err) {
		t.Errorf("without rights: %v", err)
	}
}
