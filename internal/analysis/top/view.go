package top

import (
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/overview"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// Options configure a View.
type Options struct {
	// Namespaces adds the namespace to the rows.
	Namespaces bool
	// Explain returns the explanation of an object as text.
	Explain func(*v1alpha1.ScaledObject) string
	// Color allows inverse video for the selected row, which has a mark in any case.
	Color bool
}

// View is the state of the screen.
type View struct {
	options Options
	objects map[string]*v1alpha1.ScaledObject
	// failure is why the objects cannot be followed at present; "" if they can.
	failure string

	width, height int
	// selected is the key of the selected object, and first the index of the first row on the screen.
	selected string
	first    int
	// explained is the key of the explained object; "" shows the rows. line is the first line of the explanation on the screen.
	explained string
	line      int
}

// New returns a View without objects.
func New(o Options) *View {
	return &View{options: o, objects: map[string]*v1alpha1.ScaledObject{}, width: 80, height: 24}
}

// keyOf returns NAMESPACE/NAME.
func keyOf(so *v1alpha1.ScaledObject) string { return so.Namespace + "/" + so.Name }

// Replace replaces all objects.
func (v *View) Replace(all []v1alpha1.ScaledObject) {
	clear(v.objects)
	for i := range all {
		v.Put(&all[i])
	}
}

// Put adds or changes an object.
func (v *View) Put(so *v1alpha1.ScaledObject) {
	so = so.DeepCopy()
	compile.Default(so)
	v.objects[keyOf(so)] = so
}

// Remove removes an object.
func (v *View) Remove(so *v1alpha1.ScaledObject) { delete(v.objects, keyOf(so)) }

// Fail reports why the objects cannot be followed at present; "" ends that.
func (v *View) Fail(why string) { v.failure = why }

// Resize sets the size of the screen, in characters.
func (v *View) Resize(width, height int) { v.width, v.height = max(width, 1), max(height, 1) }

// rows returns the rows at a time, the most urgent first.
func (v *View) rows(now time.Time) []overview.Row {
	rows := make([]overview.Row, 0, len(v.objects))
	for _, so := range v.objects {
		rows = append(rows, overview.Of(so, now))
	}
	overview.ByUrgency(rows)
	return rows
}

// index returns the index of the selected row; 0 if the selected object is gone.
func (v *View) index(rows []overview.Row) int {
	return max(slices.IndexFunc(rows, func(r overview.Row) bool { return r.Namespace+"/"+r.Name == v.selected }), 0)
}

// Key is a key that the View knows.
type Key int

// Keys.
const (
	None Key = iota
	Up
	Down
	PageUp
	PageDown
	Home
	End
	Enter
	Back
	Quit
)

// Press handles a key at a time, and reports whether the user quits.
func (v *View) Press(k Key, now time.Time) (quit bool) {
	if k == Quit {
		return true
	}
	if v.explained != "" {
		v.pressExplained(k)
		return false
	}
	rows := v.rows(now)
	if len(rows) == 0 {
		return false
	}
	i, page := v.index(rows), max(v.height-frameLines, 1)
	switch k {
	case Enter:
		i = v.index(rows)
		v.explained, v.line = rows[i].Namespace+"/"+rows[i].Name, 0
	default:
		i += moves(k, page, len(rows))
	}
	i = min(max(i, 0), len(rows)-1)
	v.selected = rows[i].Namespace + "/" + rows[i].Name
	return false
}

// pressExplained handles a key while an object is explained.
func (v *View) pressExplained(k Key) {
	switch k {
	case Back, Enter:
		v.explained = ""
	default:
		v.line = max(v.line+moves(k, max(v.height-frameLines, 1), maxLines), 0)
	}
}

// maxLines is more than the lines of an explanation.
const maxLines = 10_000

// moves returns by how many lines a key moves, in a list of so many lines.
func moves(k Key, page, all int) int {
	switch k {
	case Up:
		return -1
	case Down:
		return 1
	case PageUp:
		return -page
	case PageDown:
		return page
	case Home:
		return -all
	case End:
		return all
	default:
		return 0
	}
}

// explanation returns the lines of the explanation, without those above the screen, at most so many.
func (v *View) explanation(so *v1alpha1.ScaledObject, most int) []string {
	var lines []string
	for line := range strings.Lines(v.options.Explain(so)) {
		lines = append(lines, wrap(strings.TrimRight(line, "\n"), v.width)...)
	}
	v.line = min(v.line, max(len(lines)-most, 0))
	return lines[v.line:min(v.line+most, len(lines))]
}
