package triggertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

// describesItself checks the texts that the reference and the messages use.
func describesItself(_ testing.TB, s subject) error {
	var all []error
	if s.kind.Name == "" || s.kind.Name != strings.ToLower(s.kind.Name) {
		all = append(all, fmt.Errorf("the name %q is not in lower case", s.kind.Name))
	}
	if !strings.HasSuffix(s.kind.Summary, ".") {
		all = append(all, fmt.Errorf("the summary %q is not a sentence", s.kind.Summary))
	}
	for _, f := range s.kind.Fields {
		if !strings.HasSuffix(f.Doc, ".") {
			all = append(all, fmt.Errorf("the doc of %s is not a sentence: %q", f.Key, f.Doc))
		}
	}
	if s.kind.Example == nil {
		all = append(all, errors.New("there is no example"))
	} else if _, err := s.kind.Decode(s.kind.Example); err != nil {
		all = append(all, fmt.Errorf("its example: %w", err))
	}
	return errors.Join(all...)
}

func decodesValid(_ testing.TB, s subject) error {
	c, err := s.kind.Decode(s.fixture.Metadata)
	if err != nil {
		return fmt.Errorf("decode the fixture's metadata: %w", err)
	}
	if target := c.Trigger().Target; target <= 0 {
		return fmt.Errorf("the target is %s: replicas cannot be computed from it", target)
	}
	return nil
}

func refusesKeys(_ testing.TB, s subject) error {
	unrelated := refuses
	if allowsAnyKey(s.kind) {
		unrelated = accepts
	}
	all := []error{unrelated(s.kind, s.fixture.Metadata, "xyzzyPlugh", "")}
	for key, value := range s.fixture.Metadata {
		if !slices.ContainsFunc(s.kind.Fields, func(f triggers.Field) bool { return f.Key == key }) {
			continue // Any key is allowed.
		}
		misspelt := key[:len(key)-2] + key[len(key)-1:]
		metadata := maps.Clone(s.fixture.Metadata)
		delete(metadata, key)
		metadata[misspelt] = value
		all = append(all, refuses(s.kind, metadata, misspelt, key))
	}
	return errors.Join(all...)
}

// refuses returns an error unless metadata with this key is refused, with a suggestion that names the right key.
func refuses(kind triggers.Kind, metadata map[string]string, key, right string) error {
	metadata = maps.Clone(metadata)
	if _, ok := metadata[key]; !ok {
		metadata[key] = "1"
	}
	_, err := kind.Decode(metadata)
	for _, mistake := range triggers.FieldErrors(err) {
		if mistake.Field == key && strings.Contains(mistake.Suggestion, right) {
			return nil
		}
	}
	return fmt.Errorf("the key %s is not refused with the suggestion %q: %w", key, right, err)
}

// allowsAnyKey reports whether a kind passes keys on that it does not know.
func allowsAnyKey(kind triggers.Kind) bool {
	return slices.ContainsFunc(kind.Fields, func(f triggers.Field) bool { return f.Type == triggers.AnyKey })
}

// accepts returns an error unless metadata with this key is valid.
func accepts(kind triggers.Kind, metadata map[string]string, key, _ string) error {
	metadata = maps.Clone(metadata)
	metadata[key] = "1"
	if _, err := kind.Decode(metadata); err != nil {
		return fmt.Errorf("the key %s is refused although any key is allowed: %w", key, err)
	}
	return nil
}

func reportsAll(_ testing.TB, s subject) error {
	_, err := s.kind.Decode(map[string]string{"xyzzyPlugh": "1"})
	reported := map[string]int{}
	for _, mistake := range triggers.FieldErrors(err) {
		reported[mistake.Field]++
	}
	all := []error{}
	if reported["xyzzyPlugh"] != 1 && !allowsAnyKey(s.kind) {
		all = append(all, errors.New("an unknown key beside missing ones is not reported once"))
	}
	for _, f := range s.kind.Fields {
		if f.Required && reported[f.Key] != 1 {
			all = append(all, fmt.Errorf("the missing key %s is reported %d times, not once", f.Key, reported[f.Key]))
		}
	}
	return errors.Join(all...)
}

// invalidValues are values that users and generators might put into metadata.
func invalidValues() []string {
	return []string{
		"", " ", "\x00", "\n", "-1", "0", "1e99", "NaN", "+Inf", "0x10", "99999999999999999999", "true", "[", "{}", `"`, ",", ",,", "=",
		"http://", "://", "%zz", "TZ=", "TZ=x", "@every 1s", "@", "* * * * *", "../../etc/passwd", "\xff\xfe", strings.Repeat("9", 10000), "日本語",
	}
}

// survivesInvalidValues checks that Decode does not panic and that each error names a field.
func survivesInvalidValues(_ testing.TB, s subject) error {
	var all []error
	for _, f := range s.kind.Fields {
		for _, value := range invalidValues() {
			metadata := maps.Clone(s.fixture.Metadata)
			metadata[f.Key] = value
			_, err := s.kind.Decode(metadata)
			all = append(all, wellFormed(s.kind, err))
		}
	}
	return errors.Join(all...)
}

// wellFormed returns an error unless err consists of field errors with a field and a problem.
func wellFormed(kind triggers.Kind, err error) error {
	mistakes := triggers.FieldErrors(err)
	if err != nil && len(mistakes) == 0 {
		return fmt.Errorf("not a FieldError: %w", err)
	}
	for _, mistake := range mistakes {
		known := slices.ContainsFunc(kind.Fields, func(f triggers.Field) bool { return f.Key == mistake.Field })
		if !known || mistake.Problem == "" {
			return fmt.Errorf("an error without a known field or a problem: field %q, problem %q", mistake.Field, mistake.Problem)
		}
	}
	return nil
}
