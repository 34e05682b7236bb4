package page_test

import (
	_ "embed" // For axe.
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/test/page/stage"
)

//go:embed axe/axe.min.js
var axe string

func TestAccessibility(t *testing.T) {
	t.Run("axe finds nothing in any view, in light and dark, on a desk and a phone", testAxeFindsNothing)
}

func testAxeFindsNothing(t *testing.T) {
	free := start(t, stage.Options{})
	paused := func(so *v1alpha1.ScaledObject) { so.Annotations = map[string]string{"impulse.sh/paused": "true"} }
	free.Apply(append(stage.Many(40), stage.Object("shop", "paused", 1, 10, paused), stage.Object("shop", "web", 1, 10, func(so *v1alpha1.ScaledObject) {
		so.Spec.Triggers = append(so.Spec.Triggers, v1alpha1.Trigger{
			Type: "alertmanager", Name: "slow", Metadata: map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "6"},
		})
		most := int32(4)
		so.Spec.Shadow = &v1alpha1.Shadow{MaxReplicaCount: &most}
	}), stage.Object("shop", "failing", 1, 10), stage.Object("shop", "dry", 1, 10, func(so *v1alpha1.ScaledObject) { so.Spec.DryRun = true }))...)
	free.Levels.Set("shop/web", 5000)
	free.Levels.Set("shop/dry", 500)
	free.Levels.Set("shop/paused", 500)
	free.Levels.Fail("shop/failing", "connection refused")
	for i := range 20 {
		free.Levels.Set(stage.Many(20)[i].Namespace+"/"+stage.Many(20)[i].Name, 50)
	}
	if err := free.Fire(t.Context(), "shop", map[string]string{"alertname": "Slow", "pod": "web-1"}); err != nil {
		t.Fatal(err)
	}
	empty, locked := start(t, stage.Options{}), start(t, stage.Options{Tokens: tokens(t, "token-of-all")})
	for _, c := range []struct {
		what, url, selector, text string
		views                     []view
	}{
		{"the list", free.URL(), ".rows", "shop", []view{desk, phone}},
		{"an object", free.URL() + "#/shop/web", ".alerts", "Slow", []view{desk, phone}},
		{"a failing object", free.URL() + "#/shop/failing", ".why", "unknown", []view{desk}},
		{"a paused object", free.URL() + "#/shop/paused", ".object-title", "Paused", []view{desk}},
		{"no objects", empty.URL(), "#main", "No ScaledObjects", []view{desk}},
		{"no such object", empty.URL() + "#/shop/nobody", "#main", "no such", []view{desk}},
		{"signing in", locked.URL(), "#main", "Sign in", []view{phone}},
	} {
		t.Run(c.what, func(t *testing.T) {
			for _, v := range c.views {
				b := open(t, c.url, v)
				b.untilText(c.selector, c.text)
				evaluate[bool](b, axe+"; true") // The policy of the page does not apply to it.
				for _, dark := range []bool{false, true} {
					b.setTheme(dark)
					b.expectAccessible()
				}
			}
		})
	}
}

// expectAccessible fails the test if axe finds a violation.
func (b *tab) expectAccessible() {
	b.t.Helper()
	found := evaluate[[]string](b, `axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations.flatMap((one) => one.nodes.map((node) => one.id + ': ' + node.html + ' ' + node.failureSummary)))`)
	if len(found) > 0 {
		b.t.Errorf("axe has found:\n%s", strings.Join(found, "\n"))
	}
}
