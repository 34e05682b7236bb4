package app

import (
	"errors"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/leader"
	"github.com/impulse-sh/impulse/internal/report"
)

// Whoever does not lead has no deadline to be within: nothing is even sent, whatever the others who ask before have said.
func TestWhoDoesNotLeadSendsNothing(t *testing.T) {
	gate, err := leader.New(&rest.Config{Host: "127.0.0.1:1"}, leader.Options{Namespace: "impulse-system", Name: "impulse"})
	if err != nil {
		t.Fatal(err)
	}
	// There is no client behind either of them: to send anything would panic.
	if _, err := (writer{gate: gate}).Set(t.Context(), actuator.Target{}, actuator.Scale{}, 1); !errors.Is(err, errNotLeading) {
		t.Errorf("a count: %v", err)
	}
	if err := (saver{gate: gate}).Save(t.Context(), report.Object{}, &v1alpha1.ScaledObjectStatus{}); !errors.Is(err, report.ErrGone) {
		t.Errorf("a status: %v", err)
	}
}
