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
	unlimited, byLogin := triggers.Kind{Name: "unlimited"}, triggers.Kind{Name: "byLogin"}
	byLogin.Limits = triggers.WithoutPodIdentity("use a password")
	limited := triggers.Kind{Name: "limited", Limits: func(triggers.Config, triggers.Login) triggers.Limit { return triggers.Limit{Feature: "sasl gssapi"} }}
	ref, variable := &v1alpha1.AuthenticationRef{Name: "login"}, map[string]string{"sasl": "SASL"}
	for _, c := range []struct {
		trigger Trigger
		want    bool
	}{
		{Trigger{Kind: unlimited, Auth: ref}, false},
		{Trigger{Kind: unlimited, Variables: triggers.Variables{Metadata: variable}}, true},
		{Trigger{Kind: byLogin}, false},
		{Trigger{Kind: byLogin, Auth: ref}, true},
		{Trigger{Kind: byLogin, Variables: triggers.Variables{Auth: variable}}, true},
		{Trigger{Kind: limited}, true},
	} {
		if got := c.trigger.needsMetadata(); got != c.want {
			t.Errorf("kind %s with the authentication %v and the variables %v: got %t, want %t",
				c.trigger.Kind.Name, c.trigger.Auth, c.trigger.Variables, got, c.want)
		}
	}
}
