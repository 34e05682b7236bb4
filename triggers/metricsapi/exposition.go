package metricsapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Limits of an answer in Prometheus's text format: of the whole answer, of one line, and of all lines of the selected metric.
const (
	maxExpositionBytes = 16 << 20
	maxLineBytes       = 64 << 10
	maxMetricBytes     = 256 << 10
)

var errNoSeries = errors.New("the answer has no series that valueLocation selects")

// find implements finder. Other metrics than the selected one are skipped while they are read.
func (s selector) find(answer io.Reader) (scalers.Milli, error) {
	lines, err := s.lines(answer)
	if err != nil {
		return 0, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(lines))
	if err != nil {
		return 0, malformed("in Prometheus's text format", err)
	}
	family, ok := families[s.name]
	if !ok {
		return 0, errNoSeries
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, family)
	if err != nil {
		return 0, malformed("in Prometheus's text format", err)
	}
	samples = slices.DeleteFunc(samples, func(one *model.Sample) bool { return !s.matches(one.Metric) })
	switch len(samples) {
	case 0:
		return 0, errNoSeries
	case 1:
		return float(float64(samples[0].Value))
	}
	return 0, triggers.VaryingErrorf("valueLocation selects %d series: add labels, so that it selects one", len(samples))
}

// lines returns the lines of the selected metric. Without the line that states its type, it is an untyped one.
func (s selector) lines(answer io.Reader) ([]byte, error) {
	limited := &io.LimitedReader{R: answer, N: maxExpositionBytes + 1}
	scanner := bufio.NewScanner(limited)
	scanner.Buffer(nil, maxLineBytes)
	var found []byte
	for scanner.Scan() {
		line := bytes.TrimLeft(scanner.Bytes(), " \t")
		rest, ours := bytes.CutPrefix(line, []byte(s.name))
		ours = ours && len(rest) > 0 && bytes.IndexByte([]byte("{ \t"), rest[0]) >= 0
		if !ours && !bytes.HasPrefix(line, []byte("{")) { // Names with other characters than identifiers are in braces.
			continue
		}
		if len(found)+len(line) > maxMetricBytes {
			return nil, fmt.Errorf("the answer has more than %d KiB of this metric", maxMetricBytes>>10)
		}
		found = append(append(found, line...), '\n')
	}
	switch {
	case errors.Is(scanner.Err(), bufio.ErrTooLong):
		return nil, fmt.Errorf("the answer has a line of more than %d KiB", maxLineBytes>>10)
	case scanner.Err() != nil:
		return nil, scanner.Err()
	case limited.N <= 0:
		return nil, fmt.Errorf("the answer is larger than %d MiB", maxExpositionBytes>>20)
	}
	return found, nil
}
