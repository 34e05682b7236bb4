package manifest

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestAuthentication(t *testing.T) {
	t.Run("a trigger that may not use its authentication gets a warning", testTriggerThatMayNotUseItsAuthenticationGetsWarning)
	t.Run("a TriggerAuthentication names no namespaces", testTriggerAuthenticationNamesNoNamespaces)
	t.Run("KEDA's ClusterTriggerAuthentication stays valid for all namespaces, with a note", testKEDAsClusterTriggerAuthenticationStaysValidForAllNamespacesWithNote)
}

// sharedAuthentication returns an object of a namespace, and the ClusterTriggerAuthentication that it names with this spec.
func sharedAuthentication(namespace, group, spec string) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: %s}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - type: prometheus
    metadata: {serverAddress: "http://prometheus:9090", query: rps, threshold: 100, authModes: bearer}
    authenticationRef: {kind: ClusterTriggerAuthentication, name: prometheus}
---
apiVersion: %s/v1alpha1
kind: ClusterTriggerAuthentication
metadata: {name: prometheus}
spec:
  secretTargetRef: [{parameter: bearerToken, name: prometheus, key: token}]
  %s
`, namespace, group, spec)
}

func testTriggerThatMayNotUseItsAuthenticationGetsWarning(t *testing.T) {
	const (
		nobody = "warning: spec.allowedNamespaces: is empty: no namespace may use it (name those of its triggers, or \"*\" for all)"
		refuse = "warning: spec.triggers[0].authenticationRef: ClusterTriggerAuthentication /prometheus does not allow namespace shop: " +
			"the trigger will be unknown (add it to its spec.allowedNamespaces)"
	)
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"nobody":         {"", []string{nobody, refuse}},
		"an empty list":  {"allowedNamespaces: []", []string{nobody, refuse}},
		"somebody else":  {"allowedNamespaces: [other]", []string{refuse}},
		"the namespace":  {"allowedNamespaces: [other, shop]", nil},
		"everybody":      {`allowedNamespaces: ["*"]`, nil},
		"hosts as well":  {"allowedNamespaces: [shop]\n  allowedHosts: [prometheus]", nil},
		"a misspelt key": {"allowedNamespace: [shop]", []string{nobody, refuse, `spec.allowedNamespace: unknown field (did you mean "allowedNamespaces"?)`}},
		"no list":        {"allowedNamespaces: shop", []string{nobody, refuse, `spec.allowedNamespaces: is "shop" (a list was expected)`}},
	} {
		got := report("a.yaml", sharedAuthentication("shop", "impulse.sh", c.spec))
		if strings.Count(got, "\n") != len(c.want) {
			t.Errorf("%s: %s", name, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %swant %s", name, got, want)
			}
		}
	}
}

func testTriggerAuthenticationNamesNoNamespaces(t *testing.T) {
	got := report("a.yaml", "apiVersion: impulse.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\nspec: {allowedNamespaces: [shop]}\n")
	if !strings.Contains(got, "spec.allowedNamespaces: unknown field") {
		t.Errorf("got %s", got)
	}
}

func testKEDAsClusterTriggerAuthenticationStaysValidForAllNamespacesWithNote(t *testing.T) {
	text := sharedAuthentication("shop", "keda.sh", "")
	if got := report("a.yaml", text); strings.Count(got, "\n") != 1 || !strings.Contains(got, "KEDA lets every namespace use it") {
		t.Errorf("got %s", got)
	}
	objects, _ := Parse("a.yaml", []byte(text))
	_, _ = Compile(objects, builtin.Kinds())
	content, err := objects[1].Rewrite()
	if err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(content), "\n"); !strings.HasPrefix(first, "# spec.allowedNamespaces: KEDA lets every namespace use it") {
		t.Errorf("the note is %s", first)
	}
	var a v1alpha1.ClusterTriggerAuthentication
	if err := yaml.UnmarshalStrict(content, &a); err != nil {
		t.Fatal(err)
	}
	if got := a.Spec.AllowedNamespaces; a.APIVersion != "impulse.sh/v1alpha1" || len(got) != 1 || got[0] != "*" || len(a.Spec.SecretTargetRef) != 1 {
		t.Errorf("the converted object is\n%s", content)
	}
	if got := report("converted.yaml", string(content)); got != "" {
		t.Errorf("its conversion has mistakes: %s", got)
	}
}
