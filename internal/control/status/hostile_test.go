package status

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

func TestHostile(t *testing.T) {
	t.Run("text from outside is escaped in statuses and events", testTextFromOutsideIsEscapedInStatusesAndEvents)
}

// hostile is a text with everything that a terminal or a reader of lines may take for something else, and longer than any bound.
var hostile = "x\x1b[2J\nforged\u202e\u009b31m\r\a\xff" + strings.Repeat("é", 5000)

// textRecorder is a Recorder that stores the reasons and notes of all Events.
type textRecorder struct{ all []string }

// Event is Recorder's.
func (n *textRecorder) Event(_ Object, _ bool, reason, note string) {
	n.all = append(n.all, reason, note)
}

// texts returns every text in a value.
func texts(v reflect.Value) []string {
	var all []string
	switch v.Kind() {
	case reflect.String:
		return []string{v.String()}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return texts(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, texts(v.Field(i))...)
			}
		}
	default:
	}
	return all
}

// expectPrintable fails when a text of a status or an Event does not print in one line of bounded length. It returns the number of texts
// with the hostile text in them.
func expectPrintable(t *testing.T, all []string) (forged int) {
	t.Helper()
	for _, text := range all {
		if len(text) > printable.Longest+len("…") || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the text %.200q of %d bytes cannot be printed in one line of bounded length", text, len(text))
		}
		if strings.Contains(text, `\nforged`) {
			forged++
		}
	}
	return forged
}

func testTextFromOutsideIsEscapedInStatusesAndEvents(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		recorder := &textRecorder{}
		d.reporter.recorder = recorder
		check := func(what string, least int, status *v1alpha1.ScaledObjectStatus) {
			t.Helper()
			if n := expectPrintable(t, texts(reflect.ValueOf(status))); n < least {
				t.Errorf("%s is %d times in the status: that tests nothing", what, n)
			}
		}
		check("an error", 2, d.reportLevel(0, errors.New(hostile)))
		d.stale = hostile
		check("an alert", 1, d.reportLevel(30, nil))
		d.stale, d.notice = "", scalers.Notice{Reason: "Paused", Text: hostile}
		check("a notice", 1, d.reportLevel(30, nil))
		d.notice = scalers.Notice{}
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name, so.Generation = "shop", "web", 2
		d.reporter.Refused(so, "InvalidSpec", hostile, false)
		check("a mistake", 1, d.reportLevel(31, nil))
		d.reporter.Event(Object{"shop", "web", ""}, true, "Restored", hostile)
		if n := expectPrintable(t, recorder.all); n < 4 {
			t.Errorf("%d texts of %d Events have the hostile text: that tests nothing", n, len(recorder.all)/2)
		}
	})
}
