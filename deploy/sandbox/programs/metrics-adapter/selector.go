package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	matchers "github.com/prometheus/prometheus/model/labels"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// selectorOf returns the PromQL selector of the series of a metric, of a namespace unless that is empty, that a label selector and more
// matchers select.
func selectorOf(metric, namespace string, selector labels.Selector, more ...*matchers.Matcher) (string, error) {
	all := append([]*matchers.Matcher{match(matchers.MatchEqual, matchers.MetricName, metric)}, more...)
	if namespace != "" {
		all = append(all, match(matchers.MatchEqual, "namespace", namespace))
	}
	requirements, _ := selector.Requirements() // A selector that selects nothing is not sent.
	for _, r := range requirements {
		m, err := matcherOf(r)
		if err != nil {
			return "", err
		}
		all = append(all, m)
	}
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ",") + "}", nil
}

// matcherOf returns what a requirement of a label selector is in PromQL.
func matcherOf(r labels.Requirement) (*matchers.Matcher, error) {
	switch values := r.ValuesUnsorted(); r.Operator() {
	case selection.Equals, selection.DoubleEquals, selection.In:
		return oneOf(r.Key(), values), nil
	case selection.NotEquals, selection.NotIn:
		return match(matchers.MatchNotRegexp, r.Key(), alternatives(values)), nil
	case selection.Exists:
		return match(matchers.MatchNotEqual, r.Key(), ""), nil
	case selection.DoesNotExist:
		return match(matchers.MatchEqual, r.Key(), ""), nil
	}
	return nil, apierrors.NewBadRequest(fmt.Sprintf("the operator %s is not supported", r.Operator()))
}

// oneOf matches a label with one of some values.
func oneOf(label string, values []string) *matchers.Matcher {
	return match(matchers.MatchRegexp, label, alternatives(values))
}

// match returns a matcher whose value, if it is a pattern, is valid.
func match(kind matchers.MatchType, label, value string) *matchers.Matcher {
	return matchers.MustNewMatcher(kind, label, value)
}

// alternatives returns the pattern of some values.
func alternatives(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = regexp.QuoteMeta(value)
	}
	slices.Sort(quoted)
	return strings.Join(quoted, "|")
}
