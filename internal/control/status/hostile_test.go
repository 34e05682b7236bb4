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

// notes is a Recorder that keeps what it is told.
type notes struct{ all []string }

// Event is Recorder's.
func (n *notes) Event(_ Object, _ bool, reason, note string) { n.all = append(n.all, reason, note) }

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

// shows fails when a text of a status or an Event does not print in one line of bounded length.
func shows(t *testing.T, all []string) (forged int) {
	t.Helper()
	for _, text := range all {
		if len(text) > printable.Longest+len("…") || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("it says %.200q, of %d bytes", text, len(text))
		}
		if strings.Contains(text, `\nforged`) {
			forged++
		}
	}
	return forged
}

func testTextFromOutsideIsEscapedInStatusesAndEvents(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *desk) {
		told := &notes{}
		d.reporter.recorder = told
		check := func(what string, least int, status *v1alpha1.ScaledObjectStatus) {
			t.Helper()
			if n := shows(t, texts(reflect.ValueOf(status))); n < least {
				t.Errorf("%s is said %d times in the status: that tests nothing", what, n)
			}
		}
		check("an error", 2, d.says(0, errors.New(hostile)))
		d.stale = hostile
		check("an alert", 1, d.says(30, nil))
		d.stale, d.notice = "", scalers.Notice{Reason: "Paused", Text: hostile}
		check("a notice", 1, d.says(30, nil))
		d.notice = scalers.Notice{}
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name, so.Generation = "shop", "web", 2
		d.reporter.Refused(so, "InvalidSpec", hostile, false)
		check("a mistake", 1, d.says(31, nil))
		d.reporter.Event(Object{"shop", "web", ""}, true, "Restored", hostile)
		if n := shows(t, told.all); n < 4 {
			t.Errorf("%d Events say it, of %d: that tests nothing", n, len(told.all)/2)
		}
	})
}
