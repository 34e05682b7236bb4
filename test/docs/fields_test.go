package docs

import (
	"reflect"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestFields(t *testing.T) {
	t.Run("every field of a trigger is on a page", testEveryFieldOfTriggerIsOnPage)
}

func testEveryFieldOfTriggerIsOnPage(t *testing.T) {
	text := read(t, "docs/scaledobject.md")
	for field := range reflect.TypeFor[v1alpha1.Trigger]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/scaledobject.md does not describe %s of a trigger", name)
		}
	}
}
