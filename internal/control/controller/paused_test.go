package controller

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPaused(t *testing.T) {
	t.Run("a pause ends at its instant", testPauseEndsAtItsInstant)
	t.Run("a pause whose end cannot be read holds", testPauseWithoutReadableEndHolds)
	t.Run("a pause whose end cannot be read holds in a file, too", testPauseWithoutReadableEndHoldsInFileToo)
}

func testPauseEndsAtItsInstant(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := object("web")
		e.apply(web)
		paused, end := web.DeepCopy(), time.Now().Add(time.Hour)
		paused.Annotations = map[string]string{
			"impulse.sh/paused-replicas": "2", "impulse.sh/paused-until": end.Format(time.RFC3339Nano), "impulse.sh/paused-reason": "sale",
		}
		e.apply(paused)
		e.setLevel("web", 9)
		pass(time.Until(end) - 1)
		e.want("web", 2)
		pass(1)
		e.want("web", 9)
		e.awaitStatuses()
		if c := meta.FindStatusCondition(e.store.last["web"].Conditions, "Paused"); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "has ended") {
			t.Errorf("after the end: got the condition %+v, want it false", c)
		}
	})
}

func testPauseWithoutReadableEndHolds(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := object("web")
		e.apply(web)
		paused := web.DeepCopy()
		paused.Annotations = map[string]string{"impulse.sh/paused-replicas": "2", "impulse.sh/paused-until": "tonight"}
		e.apply(paused)
		e.setLevel("web", 9)
		pass(48 * time.Hour)
		e.want("web", 2)
		if c := meta.FindStatusCondition(e.store.last["web"].Conditions, "Paused"); c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, `"tonight" is not a time: the pause has no end`) {
			t.Errorf("got the condition %+v, want it true with the mistake", c)
		}
		if reason, message := e.readyCondition("web"); reason != "Ready" || !strings.Contains(message, "annotation impulse.sh/paused-until") {
			t.Errorf("got %s %q, want the annotation in the message", reason, message)
		}
	})
}

func testPauseWithoutReadableEndHoldsInFileToo(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.setLevel("web", 3)
		f.want("web", 3)
		f.write("web.yaml", strings.Replace(objectYAML("web", 10), "{name: web,", "{name: web, annotations: {impulse.sh/paused: 'true', impulse.sh/paused-until: 2h},", 1))
		f.setLevel("web", 9)
		f.want("web", 3)
		if output := f.log.String(); !strings.Contains(output, "file has a mistake") || strings.Contains(output, "last good version stays in effect") {
			t.Errorf("got the log\n%swant a mistake, and the new version in effect", output)
		}
	})
}
