package policytest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
)

// reader reads the nodes of one file and collects every mistake in it. What a method could not read is a problem, and what
// it returns then is of no use.
type reader struct {
	file    string
	content []byte
	// test is the name of the test that is being read, and mark the number of problems before it.
	test     string
	mark     int
	problems []diag.Error
	// mistakes counts all problems, those too that are too many to be shown.
	mistakes int
	// visits counts the nodes that were looked at: aliases can make a short file very long.
	visits int
	tired  bool
	// merging is how deep the mapping that is read was merged into others.
	merging int
}

// maxMerges bounds how deep mappings are merged.
const maxMerges = 8

// maxVisits bounds what the aliases of one file expand to.
const maxVisits = 5_000_000

// maxProblems bounds how many problems of one file are shown.
const maxProblems = 1000

// wrong collects a problem at a node.
func (r *reader) wrong(node *yaml.Node, path, problem, suggestion string) {
	p := diag.Error{File: r.file, Line: node.Line, Column: node.Column, Field: path, Problem: problem, Suggestion: suggestion}
	if r.test != "" {
		p.Object = "test " + r.test
	}
	r.add(p)
}

// add collects a problem.
func (r *reader) add(p diag.Error) {
	switch r.mistakes++; {
	case r.mistakes <= maxProblems:
		r.problems = append(r.problems, p)
	case r.mistakes == maxProblems+1:
		r.problems = append(r.problems, diag.Error{File: r.file, Problem: fmt.Sprintf("has more than %d mistakes", maxProblems)})
	}
}

// fine reports whether nothing is wrong with the test so far.
func (r *reader) fine() bool { return r.mistakes == r.mark }

// resolve follows an alias, and counts.
func (r *reader) resolve(node *yaml.Node) *yaml.Node {
	r.visits++
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// exhausted reports whether the file expands to too much, and says so once.
func (r *reader) exhausted(node *yaml.Node) bool {
	if r.visits <= maxVisits {
		return false
	}
	if !r.tired {
		r.tired = true
		r.problems = append(r.problems, diag.Error{File: r.file, Line: node.Line, Column: node.Column, Problem: fmt.Sprintf("its aliases expand to more than %d values", maxVisits)})
	}
	return true
}

// field reads one value of a mapping.
type field func(node *yaml.Node, path string)

// fields are the keys that a mapping may have.
type fields map[string]field

// mapping reads a mapping and returns the keys that it has. A key that is in repeatable may come again; every other one is a
// problem the second time, and so is one that is not in known.
func (r *reader) mapping(node *yaml.Node, path string, known fields, repeatable ...string) map[string]*yaml.Node {
	node = r.resolve(node)
	if node.Kind != yaml.MappingNode {
		r.wrongType(node, path, "a map with "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return nil
	}
	given := make(map[string]*yaml.Node, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Tag == mergeTag {
			continue
		}
		read, ok := known[key.Value]
		at := join(path, key.Value)
		switch {
		case !ok:
			names := slices.Sorted(maps.Keys(known))
			r.wrong(key, at, "unknown key", diag.Suggest(key.Value, names))
		case given[key.Value] != nil && !slices.Contains(repeatable, key.Value):
			r.wrong(key, at, "is given twice", "")
		default:
			given[key.Value] = key
			read(r.resolve(node.Content[i+1]), at)
		}
	}
	r.merge(node, path, known, given)
	return given
}

// mergeTag is that of the key <<.
const mergeTag = "!!merge"

// merge reads what << takes over from another mapping: the keys that were not given.
func (r *reader) merge(node *yaml.Node, path string, known fields, given map[string]*yaml.Node) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		switch {
		case key.Tag != mergeTag:
			continue
		case r.merging == maxMerges:
			r.wrong(key, path, fmt.Sprintf("merges maps more than %d deep", maxMerges), "")
			return
		}
		rest := maps.Clone(known)
		for name := range given {
			rest[name] = func(*yaml.Node, string) {}
		}
		r.merging++
		for name, n := range r.mapping(node.Content[i+1], path, rest) {
			if given[name] == nil {
				given[name] = n
			}
		}
		r.merging--
	}
}

// list reads a list.
func (r *reader) list(node *yaml.Node, path string, item field) {
	node = r.resolve(node)
	if node.Kind != yaml.SequenceNode {
		r.wrongType(node, path, "a list")
		return
	}
	for i, n := range node.Content {
		if r.exhausted(n) {
			return
		}
		item(r.resolve(n), path+"["+strconv.Itoa(i)+"]")
	}
}

// wrongType collects a value of another type than expected.
func (r *reader) wrongType(node *yaml.Node, path, expected string) {
	got := strconv.Quote(node.Value)
	switch {
	case node.Kind == yaml.MappingNode:
		got = "a map"
	case node.Kind == yaml.SequenceNode:
		got = "a list"
	case node.Tag == "!!null":
		got = "empty"
	}
	r.wrong(node, path, "is "+got, expected+" was expected")
}

// scalar returns the text of a single value, and whether there is one.
func (r *reader) scalar(node *yaml.Node, path, expected string) (string, bool) {
	node = r.resolve(node)
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		r.wrongType(node, path, expected)
		return "", false
	}
	return node.Value, true
}

// text reads any single value as text.
func (r *reader) text(into *string) field {
	return func(node *yaml.Node, path string) { *into, _ = r.scalar(node, path, "a text") }
}

// flag reads true or false.
func (r *reader) flag(into *bool) field {
	return func(node *yaml.Node, path string) {
		if node.Kind != yaml.ScalarNode || node.Tag != "!!bool" {
			r.wrongType(node, path, "true or false")
			return
		}
		*into = node.Value == "true" || node.Value == "True" || node.Value == "TRUE"
	}
}

// number reads a whole number that is not below least. set is called when there is one.
func (r *reader) number(least int32, set func(n int32)) field {
	return func(node *yaml.Node, path string) {
		text, ok := r.scalar(node, path, "a whole number")
		if !ok {
			return
		}
		n, err := strconv.ParseInt(text, 10, 32)
		switch {
		case err != nil:
			r.wrongType(node, path, "a whole number")
		case n < int64(least):
			r.wrong(node, path, fmt.Sprintf("%d is below %d", n, least), "")
		default:
			set(int32(n))
		}
	}
}

// duration reads a time that is not below least, such as 1m30s.
func (r *reader) duration(least time.Duration, set func(d time.Duration)) field {
	return func(node *yaml.Node, path string) {
		const expected = "a number and its unit, such as 15s or 1m30s,"
		text, ok := r.scalar(node, path, expected)
		if !ok {
			return
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			days, dayErr := model.ParseDuration(text) // 1d, 2w
			d, err = time.Duration(days), dayErr
		}
		switch {
		case err != nil:
			r.wrongType(node, path, expected)
		case d < least:
			r.wrong(node, path, fmt.Sprintf("%s is below %s", text, scalers.Short(least)), "")
		default:
			set(d)
		}
	}
}

// milli reads a quantity that is not negative.
func (r *reader) milli(set func(m scalers.Milli)) field {
	return func(node *yaml.Node, path string) {
		const expected = "a quantity, such as 250m or 64Mi,"
		text, ok := r.scalar(node, path, expected)
		if !ok {
			return
		}
		m, err := scalers.ParseMilli(text)
		switch {
		case err != nil:
			r.wrongType(node, path, expected)
		case m < 0:
			r.wrong(node, path, text+" is below 0", "")
		default:
			set(m)
		}
	}
}

// column returns the column of the offset-th byte of a value: only of one that stands in the file as it is read.
func (r *reader) column(node *yaml.Node, offset int) int {
	lines := strings.Split(string(r.content), "\n")
	if node.Line < 1 || node.Line > len(lines) {
		return node.Column
	}
	begin := node.Column
	if node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		begin++
	}
	runes := []rune(lines[node.Line-1])
	if begin > len(runes) || !strings.HasPrefix(string(runes[begin-1:]), node.Value[:offset]) {
		return node.Column
	}
	return begin + utf8.RuneCountInString(node.Value[:offset])
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
