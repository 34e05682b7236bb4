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

	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// reader reads the nodes of one file of tests.
type reader struct {
	strictyaml.Reader

	content []byte
	// before is the number of errors before the test that is being read.
	before int
}

// begin begins another test.
func (r *reader) begin(name string) {
	r.rename(name)
	r.before = r.Count()
}

// rename names the test that is being read in what is reported.
func (r *reader) rename(name string) { r.Object = "test " + name }

// valid reports whether nothing has been reported of the test so far.
func (r *reader) valid() bool { return r.Count() == r.before }

// fields are the fields that a mapping may have.
type fields map[string]strictyaml.Field

// mapping reads a mapping and returns the keys that it has; nil when it is none. A field in repeatable may be given again.
func (r *reader) mapping(node *yaml.Node, path string, known fields, repeatable ...string) map[string]*yaml.Node {
	node = r.Resolve(node)
	names := func() []string { return slices.Sorted(maps.Keys(known)) }
	if node.Kind != yaml.MappingNode {
		r.WrongType(node, path, "a map with "+strings.Join(names(), ", "))
		return nil
	}
	lookup := func(name string) (strictyaml.Field, bool) {
		field, ok := known[name]
		return field, ok
	}
	return r.Fields(node, path, lookup, names, repeatable...)
}

// text reads any single value as text.
func (r *reader) text(into *string) strictyaml.Field {
	return func(node *yaml.Node, path string) { *into, _ = r.Scalar(node, path, "a text") }
}

// flag reads true or false.
func (r *reader) flag(into *bool) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		if node.Kind != yaml.ScalarNode || node.Tag != "!!bool" {
			r.WrongType(node, path, "true or false")
			return
		}
		*into = node.Value == "true" || node.Value == "True" || node.Value == "TRUE"
	}
}

// number reads a whole number that is not below least. set is called when there is one.
func (r *reader) number(least int32, set func(n int32)) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		text, ok := r.Scalar(node, path, "a whole number")
		if !ok {
			return
		}
		n, err := strconv.ParseInt(text, 10, 32)
		switch {
		case err != nil:
			r.WrongType(node, path, "a whole number")
		case n < int64(least):
			r.Report(node, path, fmt.Sprintf("%d is below %d", n, least), "")
		default:
			set(int32(n))
		}
	}
}

// duration reads a time that is not below least, such as 1m30s.
func (r *reader) duration(least time.Duration, set func(d time.Duration)) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		const expected = "a number and its unit, such as 15s or 1m30s,"
		text, ok := r.Scalar(node, path, expected)
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
			r.WrongType(node, path, expected)
		case d < least:
			r.Report(node, path, fmt.Sprintf("%s is below %s", text, scalers.Short(least)), "")
		default:
			set(d)
		}
	}
}

// milli reads a quantity that is not negative.
func (r *reader) milli(set func(m scalers.Milli)) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		const expected = "a quantity, such as 250m or 64Mi,"
		text, ok := r.Scalar(node, path, expected)
		if !ok {
			return
		}
		m, err := scalers.ParseMilli(text)
		switch {
		case err != nil:
			r.WrongType(node, path, expected)
		case m < 0:
			r.Report(node, path, text+" is below 0", "")
		default:
			set(m)
		}
	}
}

// column returns the column of the offset-th byte of a value, when the file has the value literally; otherwise that of the value.
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
