package compile

import (
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

func TestMetadata(t *testing.T) {
	t.Run("a trigger keeps its metadata if the KEDA bridge may have to read it", testTriggerKeepsMetadata)
}

func testTriggerKeepsMetadata(t *testing.T) {
	never, asked := triggers.Kind{Name: "never"}, triggers.Kind{Name: "asked"}
	asked.Limits = triggers.WithoutPodIdentity("use a password")
	always := triggers.Kind{Name: "always", Limits: func(triggers.Config, triggers.Login) triggers.Limit { return triggers.Limit{Feature: "sasl gssapi"} }}
	ref, variable := &v1alpha1.AuthenticationRef{Name: "login"}, map[string]string{"sasl": "SASL"}
	for _, c := range []struct {
		trigger Trigger
		want    bool
	}{
		{Trigger{Kind: never, Auth: ref}, false},
		{Trigger{Kind: never, Variables: triggers.Variables{Metadata: variable}}, true},
		{Trigger{Kind: asked}, false},
		{Trigger{Kind: asked, Auth: ref}, true},
		{Trigger{Kind: asked, Variables: triggers.Variables{Auth: variable}}, true},
		{Trigger{Kind: always}, true},
	} {
		if got := c.trigger.needsMetadata(); got != c.want {
			t.Errorf("kind %s with the authentication %v and the variables %v: got %t, want %t",
				c.trigger.Kind.Name, c.trigger.Auth, c.trigger.Variables, got, c.want)
		}
	}
}
