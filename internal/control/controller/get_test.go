package controller

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestGet(t *testing.T) {
	t.Run("a missing object differs from a missing CRD", testMissingObjectDiffersFromMissingCRD)
	t.Run("a proxy's 404 differs from a missing CRD", testProxys404DiffersFromMissingCRD)
}

func testMissingObjectDiffersFromMissingCRD(t *testing.T) {
	outage := sandbox.NewControlPlane(t)
	config := rest.CopyConfig(outage.Config)
	if _, err := Get(t.Context(), config, "default", "web"); !errors.Is(err, ErrNoCRD) {
		t.Errorf("Get without the CRD: got error %v, want ErrNoCRD", err)
	}
	outage.ApplyCRDs("../../../deploy/crds")
	if _, err := Get(t.Context(), config, "default", "web"); err == nil || !strings.Contains(err.Error(), `there is no ScaledObject "web" in namespace "default"`) {
		t.Errorf("Get with the CRD: got error %v, want that there is no such object", err)
	}
}

// A proxy's answer is no status of an API server, just as that of an API server that lacks the CRD is none.
func testProxys404DiffersFromMissingCRD(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no route to the API server", http.StatusBadGateway)
	}))
	defer proxy.Close()
	config := &rest.Config{Host: proxy.URL}
	if _, err := Get(t.Context(), config, "default", "web"); err == nil || errors.Is(err, ErrNoCRD) {
		t.Errorf("Get by a proxy that answers 404: got error %v, want another one than ErrNoCRD", err)
	}
	if _, err := List(t.Context(), config, "default"); err == nil || errors.Is(err, ErrNoCRD) {
		t.Errorf("List by a proxy that answers 404: got error %v, want another one than ErrNoCRD", err)
	}
}
