package alertlist

import (
	"fmt"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Matching parses matchers in Alertmanager's syntax, such as severity=~"page|warn", and returns a function that reports whether all of
// them match labels; nil if there are none. A missing label is an empty one.
func Matching(words []string) (func(set map[string]string) bool, error) {
	if len(words) == 0 {
		return nil, nil // No matchers match all, and that is what Filter understands.
	}
	var all labels.Matchers
	for _, word := range words {
		some, err := parse.Matchers(word)
		if err != nil {
			return nil, fmt.Errorf("matcher %q: %w (expected NAME=VALUE, NAME!=VALUE, NAME=~REGEXP or NAME!~REGEXP)", word, err)
		}
		all = append(all, some...)
	}
	return func(set map[string]string) bool {
		for _, m := range all {
			if !m.Matches(set[m.Name]) {
				return false
			}
		}
		return true
	}, nil
}
