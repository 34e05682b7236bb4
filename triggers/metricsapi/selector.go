package metricsapi

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/internal/printable"
)

// selector selects the series of one metric, as a selector of PromQL does.
type selector struct {
	name     string
	matchers []matcher
}

// matcher is a condition for one label.
type matcher struct {
	label, value string
	// pattern matches the whole value of the label; nil without a regular expression.
	pattern *regexp.Regexp
	not     bool
}

// matches reports whether the selector selects a series of its metric. A label that the series does not have is empty.
func (s selector) matches(labels model.Metric) bool {
	for _, m := range s.matchers {
		value := string(labels[model.LabelName(m.label)])
		found := value == m.value
		if m.pattern != nil {
			found = m.pattern.MatchString(value)
		}
		if found == m.not {
			return false
		}
	}
	return true
}

// nameLabel is the label that has the name of the metric.
const nameLabel = "__name__"

// parseSelector parses a selector such as queue_length{name="mail"}. problem is what is wrong with it; "" if nothing is.
func parseSelector(text string) (s selector, problem string) {
	p := selectorParser{rest: strings.TrimSpace(text)}
	s.name = p.identifier(":")
	names := 0
	if s.name != "" {
		names = 1
	}
	if p.skip("{") {
		for !p.skip("}") {
			m, problem := p.matcher()
			switch {
			case problem != "":
				return s, problem
			case m.label != nameLabel:
				s.matchers = append(s.matchers, m)
			case m.pattern != nil || m.not:
				return s, "must have the exact name of a metric"
			default:
				s.name, names = m.value, names+1
			}
			if !p.skip(",") && !strings.HasPrefix(p.rest, "}") {
				return s, p.expected("a comma or }")
			}
		}
	}
	switch {
	case p.rest != "":
		return s, p.expected(`a metric and its labels, such as queue_length{name="mail"},`)
	case names != 1 || s.name == "":
		return s, "must have the name of one metric"
	}
	return s, ""
}

// selectorParser parses a selector from left to right. rest begins with no blank.
type selectorParser struct{ rest string }

// expected returns a problem at the current place.
func (p *selectorParser) expected(what string) string {
	if p.rest == "" {
		return "is not a selector: expected " + what + " at its end"
	}
	return fmt.Sprintf("is not a selector: expected %s before %.20q", what, p.rest)
}

// advance skips n bytes and the blanks after them.
func (p *selectorParser) advance(n int) { p.rest = strings.TrimLeft(p.rest[n:], " \t\r\n") }

// skip skips a token, and reports whether the text has it here.
func (p *selectorParser) skip(token string) bool {
	if !strings.HasPrefix(p.rest, token) {
		return false
	}
	p.advance(len(token))
	return true
}

// identifier returns the identifier here; "" if there is none. more are characters that it may have besides letters, digits and _.
func (p *selectorParser) identifier(more string) string {
	end := 0
	for end < len(p.rest) {
		c := p.rest[end]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || strings.IndexByte(more, c) >= 0
		if !letter && (end == 0 || c < '0' || c > '9') {
			break
		}
		end++
	}
	name := p.rest[:end]
	p.advance(end)
	return name
}

// quoted returns the string here; false if there is none.
func (p *selectorParser) quoted() (string, bool) {
	if p.rest == "" || strings.IndexByte("\"'`", p.rest[0]) < 0 {
		return "", false
	}
	quote, end := p.rest[0], 1
	for ; end < len(p.rest) && p.rest[end] != quote; end++ {
		if p.rest[end] == '\\' && quote != '`' {
			end++
		}
	}
	if end >= len(p.rest) {
		return "", false
	}
	text := p.rest[:end+1]
	if quote == '\'' { // Go has no such strings.
		text = `"` + strings.ReplaceAll(strings.ReplaceAll(text[1:end], `\'`, `'`), `"`, `\"`) + `"`
	}
	value, err := strconv.Unquote(text)
	if err != nil {
		return "", false
	}
	p.advance(end + 1)
	return value, true
}

// matcher parses a matcher, or the name of the metric in quotes.
func (p *selectorParser) matcher() (m matcher, problem string) {
	quotedName := false
	if m.label = p.identifier(""); m.label == "" {
		if m.label, quotedName = p.quoted(); !quotedName {
			return m, p.expected("a label")
		}
	}
	operator := ""
	for _, o := range []string{"=~", "!~", "!=", "="} {
		if p.skip(o) {
			operator = o
			break
		}
	}
	if operator == "" {
		if quotedName {
			return matcher{label: nameLabel, value: m.label}, ""
		}
		return m, p.expected("=, !=, =~ or !~")
	}
	var ok bool
	if m.value, ok = p.quoted(); !ok {
		return m, p.expected("a value in quotes")
	}
	m.not = operator[0] == '!'
	if strings.HasSuffix(operator, "~") {
		var err error
		if m.pattern, err = regexp.Compile("^(?s:" + m.value + ")$"); err != nil {
			return m, "has an invalid regular expression: " + printable.Line(err.Error(), 100)
		}
	}
	return m, ""
}
