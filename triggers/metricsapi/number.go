package metricsapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// The formats of answers.
const (
	formatJSON       = "json"
	formatPrometheus = "prometheus"
	formatXML        = "xml"
	formatYAML       = "yaml"
)

// Maximum sizes of answers. A tree takes many times the size of its text.
const (
	maxJSONBytes = 1 << 20
	maxTreeBytes = 256 << 10
)

// finder returns the number in an answer, which is not negative.
type finder func(answer io.Reader) (scalers.Milli, error)

// newFinder returns the finder for a format and a location. problem is what is wrong with the location; "" if nothing is.
func newFinder(format, location string) (find finder, problem string) {
	location = strings.TrimSpace(location)
	switch format {
	case formatPrometheus:
		s, problem := parseSelector(location)
		return s.find, problem
	case formatXML:
		return treeFinder(readXML, location)
	case formatYAML:
		return treeFinder(readYAML, location)
	default:
		p, problem := parsePath(location)
		return p.find, problem
	}
}

// The reasons why an answer has no number. They do not quote the answer: a reason is shown to more people than an answer.
var (
	errEmpty    = errors.New("the answer is empty")
	errMissing  = errors.New("the answer has nothing at valueLocation")
	errNull     = errors.New("the value at valueLocation is null")
	errBoolean  = errors.New("the value at valueLocation is a boolean, not a number")
	errCompound = errors.New("the value at valueLocation has parts: valueLocation must lead to a number")
	errText     = errors.New("the value at valueLocation is a text that is not a number")
	errFinite   = errors.New("the value at valueLocation is NaN or infinite")
)

// number returns the number in a text: a decimal number or a Kubernetes quantity such as 100m or 1Ki.
func number(text string) (scalers.Milli, error) {
	m, err := scalers.ParseMilli(text)
	switch {
	case errors.Is(err, scalers.ErrNotFinite):
		return 0, errFinite
	case err != nil:
		return 0, errText
	}
	return notNegative(m)
}

// float returns a floating-point number, by way of its shortest text.
func float(f float64) (scalers.Milli, error) {
	m, err := scalers.FromFloat(f)
	if err != nil {
		return 0, errFinite
	}
	return notNegative(m)
}

// notNegative returns m, or an error if it is negative.
func notNegative(m scalers.Milli) (scalers.Milli, error) {
	if m < 0 {
		return 0, triggers.VaryingErrorf("the value at valueLocation is negative: %s", m)
	}
	return m, nil
}

// malformed returns the error of an answer that is not in its format.
func malformed(format string, err error) error {
	const longest = 200
	return fmt.Errorf("the answer is not %s: %s", format, printable.Line(err.Error(), longest))
}

// readAll returns an answer that is not empty and has at most limit bytes.
func readAll(answer io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(answer, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > limit:
		return nil, fmt.Errorf("the answer is larger than %d KiB", limit>>10)
	case len(bytes.TrimSpace(content)) == 0:
		return nil, errEmpty
	}
	return bytes.TrimPrefix(content, []byte("\ufeff")), nil // Some servers send a byte order mark.
}
