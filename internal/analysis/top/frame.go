package top

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/impulse-sh/impulse/internal/analysis/overview"
	"github.com/impulse-sh/impulse/internal/printable"
)

// frameLines are the lines of a frame besides the rows: the title, the names of the columns, and the keys.
const frameLines = 3

const (
	inverse = "\x1b[7m"
	normal  = "\x1b[0m"
)

// Frame returns the lines of the screen at a time: as many as it is high, none longer than it is wide.
func (v *View) Frame(now time.Time) []string {
	rows := v.rows(now)
	lines := []string{cut(v.title(rows, now), v.width)}
	space := max(v.height-frameLines, 0)
	if so := v.objects[v.explained]; so != nil {
		lines = append(lines, v.explanation(so, space+1)...)
		return v.finish(lines, "q quits, arrows move, enter goes back")
	}
	v.explained = ""
	v.scroll(rows, space)
	table := overview.Table{Namespaces: v.options.Namespaces}
	var text strings.Builder
	_ = table.Write(&text, rows, now) // A builder does not fail.
	all := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	lines = append(lines, cut("  "+all[0], v.width))
	selected := v.index(rows)
	for i, line := range all[1:] {
		switch {
		case i < v.first || i >= v.first+space:
		case i == selected && v.options.Color:
			lines = append(lines, inverse+cut("> "+line, v.width)+normal)
		case i == selected:
			lines = append(lines, cut("> "+line, v.width))
		default:
			lines = append(lines, cut("  "+line, v.width))
		}
	}
	return v.finish(lines, "q quits, arrows move, enter explains")
}

// finish fills the frame, and ends it with the keys.
func (v *View) finish(lines []string, keys string) []string {
	for len(lines) < v.height-1 {
		lines = append(lines, "")
	}
	return append(lines[:max(v.height-1, 0)], cut(keys, v.width))
}

// scroll moves the rows so that the selected one is on the screen.
func (v *View) scroll(rows []overview.Row, space int) {
	i := v.index(rows)
	v.first = min(max(v.first, i-space+1), i)
	v.first = max(min(v.first, len(rows)-space), 0)
}

// title counts the objects by their urgency, or names the interruption.
func (v *View) title(rows []overview.Row, now time.Time) string {
	clock := now.UTC().Format("15:04:05") + "Z  "
	if v.failure != "" {
		return clock + printable.Line(v.failure, printable.Longest) + "; trying again"
	}
	counts := map[overview.Urgency]int{}
	for i := range rows {
		counts[rows[i].Urgency]++
	}
	parts := []string{fmt.Sprintf("%s%d objects", clock, len(rows))}
	if len(rows) == 1 {
		parts[0] = clock + "1 object"
	}
	for _, u := range []struct {
		of   overview.Urgency
		name string
	}{{overview.Failing, "failing"}, {overview.AtMaximum, "at the maximum"}, {overview.Limited, "limited"}, {overview.Changing, "changing"}} {
		if n := counts[u.of]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
		}
	}
	return strings.Join(parts, ", ")
}

// cut returns the first characters of a line that fit into a width.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}

// wrap splits a line into lines that fit into a width.
func wrap(line string, width int) []string {
	var lines []string
	for rest := []rune(line); ; rest = rest[width:] {
		if len(rest) <= width {
			return append(lines, string(rest))
		}
		lines = append(lines, string(rest[:width]))
	}
}
