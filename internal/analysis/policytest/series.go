package policytest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// maxValues bounds the values of one series.
const maxValues = 100_000_000

// term matches one part of a series: a number, an increment, and the number of repetitions.
var term = regexp.MustCompile(`^([+-]?` + numeral + `)(?:([+-]` + numeral + `)?x([0-9]+))?$`)

const numeral = `(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?`

// words are the answers without a number.
var words = map[string]engine.Answer{
	"_": engine.Silent, "err": engine.Failed, "stale": engine.Stale, "nan": engine.NaN,
	"inf": engine.Infinite, "+inf": engine.Infinite, "-inf": engine.Infinite,
}

// seriesError is a part of a series that cannot be read.
type seriesError struct {
	// Offset is its start in the text, in bytes; Item is its number, from 1.
	Offset, Item int
	Part         string
	Problem      string
}

// String names the part and the problem.
func (e *seriesError) String() string {
	if e.Part == "" {
		return e.Problem
	}
	return fmt.Sprintf("item %d, %.40q, %s", e.Item, e.Part, e.Problem)
}

// parseSeries reads promtool's notation: ax3 is a four times, a+bx3 is a, a+b, a+2b, a+3b; _ is no reading, _x3 three of
// them; err is a source that failed, stale, nan and inf are answers that are no numbers.
func parseSeries(text string) (engine.Series, *seriesError) {
	var runs []engine.Run
	values, offset := 0, 0
	for part := range strings.FieldsSeq(text) {
		offset += strings.Index(text[offset:], part)
		run, problem := parseTerm(part)
		if values += run.Times; problem == "" && values > maxValues {
			problem = fmt.Sprintf("makes the series longer than %d values", maxValues)
		}
		if problem != "" {
			return engine.Series{}, &seriesError{Offset: offset, Item: len(runs) + 1, Part: part, Problem: problem}
		}
		runs = append(runs, run)
		offset += len(part)
	}
	if len(runs) == 0 {
		return engine.Series{}, &seriesError{Problem: "is empty"}
	}
	return engine.NewSeries(runs...), nil
}

// parseTerm reads one part of a series, or returns the problem with it.
func parseTerm(part string) (engine.Run, string) {
	word, times, repeated := strings.Cut(strings.ToLower(part), "x")
	if answer, ok := words[word]; ok {
		n, problem := 1, ""
		if repeated {
			n, problem = parseTimes(times, answer != engine.Silent)
		}
		return engine.Run{Answer: answer, Times: n}, problem
	}
	m := term.FindStringSubmatch(part)
	if m == nil {
		return engine.Run{}, "is no value"
	}
	run, problem := engine.Run{Times: 1}, ""
	var err error
	if m[2] == "" {
		if run.First, err = scalers.ParseMilli(m[1]); err != nil { // A reading, rounded as one.
			return run, "is no value"
		}
	} else {
		if run.First, err = scalers.ParseExact(m[1]); err == nil {
			run.By, err = scalers.ParseExact(m[2])
		}
		if err != nil {
			return run, "cannot be counted on exactly: " + err.Error()
		}
	}
	if m[3] != "" {
		run.Times, problem = parseTimes(m[3], true)
	}
	return run, problem
}

// parseTimes reads the number of answers of a part: with more, one more than the number after x.
func parseTimes(text string, more bool) (int, string) {
	n, err := strconv.Atoi(text)
	switch {
	case strings.Trim(text, "0123456789") != "" || text == "":
		return 0, "has no number after x"
	case err != nil || n > maxValues:
		return 0, fmt.Sprintf("makes the series longer than %d values", maxValues)
	case more:
		return n + 1, ""
	case n == 0:
		return 0, "is no value at all"
	default:
		return n, ""
	}
}

// notation is the suggestion for a text that is no series.
const notation = `write numbers, 5x3 (5 four times), 0+10x3 (0 10 20 30), _ (no reading), err, stale or nan, separated by blanks`

// series reads a series.
func (r *reader) series(into *engine.Series) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		text, ok := r.Scalar(node, path, "a text such as 100 400x3 0+10x5")
		if !ok {
			return
		}
		s, wrong := parseSeries(text)
		if wrong != nil {
			at := *node
			at.Column = r.column(node, wrong.Offset)
			r.Report(&at, path, wrong.String(), notation)
			return
		}
		*into = s
	}
}

// counts reads a series of pods: whole numbers from 0, and _.
func (r *reader) counts(into *engine.Series) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		before := r.Count()
		if r.series(into)(node, path); r.Count() > before {
			return
		}
		for i, run := range into.Runs() {
			if !isCount(run) {
				r.Report(node, path, fmt.Sprintf("item %d is no number of pods", i+1), "write whole numbers from 0, and _ to leave the number unchanged")
				return
			}
		}
	}
}

// isCount reports whether a run has numbers of pods, or no answer.
func isCount(run engine.Run) bool {
	if run.Answer != engine.Number {
		return run.Answer == engine.Silent
	}
	last := run.At(run.Times - 1)
	return run.First%1000 == 0 && run.By%1000 == 0 && min(run.First, last) >= 0 && max(run.First, last) <= math.MaxInt32*1000
}
