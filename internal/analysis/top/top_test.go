package top_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/top"
)

func TestTop(t *testing.T) {
	t.Run("a frame fits into the terminal, whatever its size is", testFrameFitsIntoTerminal)
	t.Run("the most urgent object is first", testMostUrgentObjectIsFirst)
	t.Run("the selection follows its object, and the rows scroll to it", testSelectionFollowsItsObject)
	t.Run("enter explains an object, and goes back", testEnterExplainsObject)
	t.Run("an interruption is shown until it is over", testInterruptionIsShownUntilItIsOver)
	t.Run("a terminal's bytes are keys", testTerminalsBytesAreKeys)
	t.Run("text from outside cannot control the terminal", testTextFromOutsideCannotControlTerminal)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// object returns an object on which Impulse has decided, with a reason.
func object(name, reason string) *v1alpha1.ScaledObject {
	so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))}}
	so.Spec.ScaleTargetRef.Name = name
	so.Status = v1alpha1.ScaledObjectStatus{Reason: reason, Replicas: new(int32(3)), DesiredReplicas: new(int32(3)), Conditions: []metav1.Condition{{Type: "Active", Status: "True"}}}
	if reason == "TriggerFailed" {
		so.Status.Conditions = append(so.Status.Conditions, metav1.Condition{Type: "Ready", Status: "False", Reason: reason})
	}
	return so
}

// view returns a View of objects, each explained by 40 lines.
func view(color bool, all ...*v1alpha1.ScaledObject) *top.View {
	v := top.New(top.Options{Color: color, Explain: func(so *v1alpha1.ScaledObject) string {
		var text strings.Builder
		for i := range 40 {
			fmt.Fprintf(&text, "%s, line %d %s\n", so.Name, i, strings.Repeat("x", 100))
		}
		return text.String()
	}})
	for _, so := range all {
		v.Put(so)
	}
	return v
}

// many returns objects with numbers as names.
func many(n int) []*v1alpha1.ScaledObject {
	var all []*v1alpha1.ScaledObject
	for i := range n {
		all = append(all, object(fmt.Sprintf("web-%03d", i), "AsRecommended"))
	}
	return all
}

// marked returns the name in the row with the mark.
func marked(t *testing.T, v *top.View) string {
	t.Helper()
	for _, line := range v.Frame(noon) {
		if name, ok := strings.CutPrefix(line, "> "); ok {
			return strings.Fields(name)[0]
		}
	}
	t.Fatalf("no row is marked in\n%s", strings.Join(v.Frame(noon), "\n"))
	return ""
}

func testFrameFitsIntoTerminal(t *testing.T) {
	for _, n := range []int{0, 1, 50} {
		for _, size := range [][2]int{{80, 24}, {200, 60}, {20, 5}, {1, 1}, {3, 2}, {0, 0}} {
			v := view(false, many(n)...)
			v.Resize(size[0], size[1])
			for _, key := range []top.Key{top.None, top.End, top.Enter, top.PageDown} {
				v.Press(key, noon)
				lines := v.Frame(noon)
				if len(lines) != max(size[1], 1) {
					t.Errorf("%d objects in %v after key %d: got %d lines", n, size, key, len(lines))
				}
				for _, line := range lines {
					if utf8.RuneCountInString(line) > max(size[0], 1) {
						t.Errorf("%d objects in %v after key %d: got the line %q", n, size, key, line)
					}
				}
			}
		}
	}
}

func testMostUrgentObjectIsFirst(t *testing.T) {
	v := view(false, object("a-steady", "AsRecommended"), object("z-failing", "TriggerFailed"))
	lines := v.Frame(noon)
	if lines[0] != "12:00:00Z  2 objects, 1 failing" || !strings.HasPrefix(lines[1], "  NAME ") || !strings.HasPrefix(lines[2], "> z-failing ") || !strings.HasPrefix(lines[3], "  a-steady ") {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
	colored := view(true, object("a", "AsRecommended")).Frame(noon)
	if !strings.HasPrefix(colored[2], "\x1b[7m> a ") || !strings.HasSuffix(colored[2], "\x1b[0m") {
		t.Errorf("with color: got the row %q, want it inverse", colored[2])
	}
}

func testSelectionFollowsItsObject(t *testing.T) {
	v := view(false, many(50)...)
	for _, c := range []struct {
		key  top.Key
		want string
	}{
		{top.None, "web-000"},
		{top.Down, "web-001"},
		{top.PageDown, "web-022"},
		{top.Up, "web-021"},
		{top.End, "web-049"},
		{top.Down, "web-049"},
		{top.PageUp, "web-028"},
		{top.Home, "web-000"},
		{top.Up, "web-000"},
		{top.Down, "web-001"},
	} {
		if quit := v.Press(c.key, noon); quit || marked(t, v) != c.want {
			t.Errorf("after key %d: got %s selected, want %s", c.key, marked(t, v), c.want)
		}
	}
	v.Put(object("web-001", "TriggerFailed")) // It becomes the first row.
	if got := marked(t, v); got != "web-001" {
		t.Errorf("after it failed: got %s selected, want web-001", got)
	}
	v.Remove(object("web-001", ""))
	if got := marked(t, v); got != "web-000" {
		t.Errorf("after its deletion: got %s selected, want the first", got)
	}
	if !v.Press(top.Quit, noon) {
		t.Error("q does not quit")
	}
}

func testEnterExplainsObject(t *testing.T) {
	v := view(false, many(3)...)
	v.Press(top.Down, noon)
	v.Press(top.Enter, noon)
	lines := v.Frame(noon)
	if !strings.HasPrefix(lines[1], "web-001, line 0 ") || !strings.HasPrefix(lines[2], "xxx") || lines[23] != "q quits, arrows move, enter goes back" {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
	v.Press(top.End, noon)
	lines = v.Frame(noon)
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "web-001, line 39 ") }) {
		t.Errorf("after End: got\n%s", strings.Join(lines, "\n"))
	}
	v.Press(top.Up, noon)
	if again := v.Frame(noon); slices.Equal(again, lines) {
		t.Error("after End and one line up, the text has not moved")
	}
	v.Press(top.Back, noon)
	if got := marked(t, v); got != "web-001" {
		t.Errorf("after going back: got %s selected, want web-001", got)
	}
	v.Press(top.Enter, noon)
	v.Remove(object("web-001", ""))
	if got := marked(t, v); got != "web-000" {
		t.Errorf("after the deletion of what is explained: got %s selected, want the rows with the first", got)
	}
}

func testInterruptionIsShownUntilItIsOver(t *testing.T) {
	v := view(false, many(2)...)
	v.Fail("no answer\n")
	if got := v.Frame(noon)[0]; got != `12:00:00Z  no answer\n; trying again` {
		t.Errorf("got the title %s", got)
	}
	v.Fail("")
	if got := v.Frame(noon)[0]; got != "12:00:00Z  2 objects" {
		t.Errorf("got the title %s", got)
	}
}

func testTerminalsBytesAreKeys(t *testing.T) {
	for sent, want := range map[string][]top.Key{
		"": nil, "q": {top.Quit}, "\x03": {top.Quit}, "\x1b[A\x1b[B": {top.Up, top.Down}, "\x1bOA": {top.Up}, "\x1b[5~\x1b[6~": {top.PageUp, top.PageDown},
		"\r": {top.Enter}, "\x1b": {top.Back}, "xyz": nil, "\x1b[1;5Cj": {top.Down}, "\x1b[": {top.Back}, "gG": {top.Home, top.End}, "\x1bq": {top.Back, top.Quit},
	} {
		if got := top.Keys([]byte(sent)); !slices.Equal(got, want) {
			t.Errorf("%q: got the keys %v, want %v", sent, got, want)
		}
	}
}

func testTextFromOutsideCannotControlTerminal(t *testing.T) {
	so := object("web", "\x1b[2J\nforged\u202e")
	so.Status.Reference = "Deployment/\x1b]0;title\a"
	frame := strings.Join(view(false, so).Frame(noon), "\n")
	if strings.ContainsAny(frame, "\x1b\a\u202e") || strings.Count(frame, "\n") != 23 {
		t.Errorf("got %q", frame)
	}
}
