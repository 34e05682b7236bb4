package remotewrite

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/triggers"
)

// selector selects series by their labels.
type selector struct {
	// name is the name of the metric; "" if the selector does not require one.
	name     string
	matchers labels.Matchers
}

// parseSelector parses a selector such as requests{job="a"}. Alertmanager's parser has the same matchers as Prometheus: a label that is
// missing is empty, and a regular expression has to match the whole value.
func parseSelector(text string) (selector, error) {
	text = strings.TrimSpace(text)
	name, rest, braces := strings.Cut(text, "{")
	s := selector{name: strings.TrimSpace(name)}
	if strings.ContainsAny(s.name, " \t\r\n\"'`()[],=!~}") {
		return selector{}, errors.New("it is not a name and matchers in braces")
	}
	if braces {
		matchers, err := parse.Matchers("{" + rest)
		if err != nil {
			return selector{}, err
		}
		s.matchers = matchers
	}
	for _, m := range s.matchers {
		if m.Name != triggers.MetricName || m.Type != labels.MatchEqual {
			continue
		}
		if s.name != "" && s.name != m.Value {
			return selector{}, fmt.Errorf("it requires two names, %.100q and %.100q", s.name, m.Value)
		}
		s.name = m.Value
	}
	if s.name == "" && !slices.ContainsFunc(s.matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		return selector{}, errors.New("it selects every series: name a metric, or a label that is not empty")
	}
	return s, nil
}

// selects reports whether a series is selected.
func (s selector) selects(one *triggers.Series) bool {
	if s.name != "" && one.Label(triggers.MetricName) != s.name {
		return false
	}
	for _, m := range s.matchers {
		if !m.Matches(one.Label(m.Name)) {
			return false
		}
	}
	return true
}

// identity identifies a series of all replicas of a Prometheus.
type identity [sha256.Size]byte

// identify returns the identity of a series, and the replica that wrote it.
func identify(one *triggers.Series, replicaLabels []string) (id identity, replica string) {
	var replicas strings.Builder
	hash, size := sha256.New(), [binary.MaxVarintLen64]byte{}
	for _, l := range one.Labels {
		if slices.Contains(replicaLabels, l.Name) {
			replicas.WriteString(l.Value + "\x00")
			continue
		}
		for _, text := range [...]string{l.Name, l.Value} {
			hash.Write(size[:binary.PutUvarint(size[:], uint64(len(text)))])
			hash.Write([]byte(text))
		}
	}
	hash.Sum(id[:0])
	return id, replicas.String()
}
