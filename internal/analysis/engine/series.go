package engine

import (
	"errors"
	"math"
	"sort"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Answer is the kind of answer of a source.
type Answer uint8

// The kinds of answers. Silent: there is no reading.
const (
	Number Answer = iota
	Silent
	Failed
	Stale
	NaN
	Infinite
)

// Why an answer without a number is unknown.
var (
	errFailed   = errors.New("the source failed")
	errStale    = errors.New("the answer is stale")
	errNaN      = errors.New("the answer is NaN")
	errInfinite = errors.New("the answer is infinite")
)

// Event returns the reading that an answer is, and false for Silent. Only a Number has the value; the zeros say which other answers
// count as zero.
func (a Answer) Event(value scalers.Milli, zeros triggers.Zeros) (scalers.Event, bool) {
	switch {
	case a == Silent:
		return scalers.Event{}, false
	case a == Failed:
		return scalers.Event{Err: errFailed}, true
	case a == Number && value < 0 && zeros.Negative, a != Number && zeros.Null:
		return scalers.Event{}, true
	case a == Stale:
		return scalers.Event{Err: errStale}, true
	case a == NaN:
		return scalers.Event{Err: errNaN}, true
	case a == Infinite:
		return scalers.Event{Err: errInfinite}, true
	default:
		return scalers.Event{Value: value}, true
	}
}

// Run is a part of a series: First, First + By, First + 2 By and so on, Times answers in all. Only numbers have First and By.
type Run struct {
	Answer    Answer
	First, By scalers.Milli
	Times     int
}

// At returns the k-th value of the run, counted from 0; it saturates.
func (r Run) At(k int) scalers.Milli {
	by, n := r.By, scalers.Milli(k)
	switch {
	case by == 0 || n == 0:
		return r.First
	case by > 0 && (by > math.MaxInt64/n || r.First > math.MaxInt64-by*n):
		return math.MaxInt64
	case by < 0 && (by < math.MinInt64/n || r.First < math.MinInt64-by*n):
		return math.MinInt64
	default:
		return r.First + by*n
	}
}

// Series are answers at regular times, stored as runs. The zero Series is empty.
type Series struct {
	runs []Run
	// ends has, for each run, the number of answers up to its end.
	ends []int
}

// NewSeries returns a series of runs; each has at least one answer.
func NewSeries(runs ...Run) Series {
	s := Series{runs: runs, ends: make([]int, len(runs))}
	n := 0
	for i, r := range runs {
		n += r.Times
		s.ends[i] = n
	}
	return s
}

// Runs returns the runs of the series; the caller does not change them.
func (s Series) Runs() []Run { return s.runs }

// Len returns the number of answers.
func (s Series) Len() int {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// At returns the k-th answer, counted from 0. The series repeats its last answer; an empty one is silent.
func (s Series) At(k int) (Answer, scalers.Milli) {
	if s.Len() == 0 {
		return Silent, 0
	}
	k = min(k, s.Len()-1)
	run, first := s.run(k)
	return run.Answer, run.At(k - first)
}

// run returns the run of the k-th answer, and the index of its first.
func (s Series) run(k int) (Run, int) {
	i := sort.SearchInts(s.ends, k+1)
	return s.runs[i], s.ends[i] - s.runs[i].Times
}

// Ticker is a series of regular instants: Start, Start + Interval and so on. Interval is positive.
type Ticker struct {
	Start    scalers.Instant
	Interval time.Duration
}

// Next returns the first instant after t.
func (c Ticker) Next(t scalers.Instant) scalers.Instant {
	if t < c.Start {
		return c.Start
	}
	return c.Start.Add(time.Duration(c.index(t)+1) * c.Interval)
}

// index returns the index of the newest instant at or before t, which is not before Start.
func (c Ticker) index(t scalers.Instant) int { return int(t.Sub(c.Start) / c.Interval) }

// Regular is the feed of a series whose k-th answer is read at Start + k × Interval.
type Regular struct {
	Ticker
	Series Series
	Zeros  triggers.Zeros
}

// Read returns the answer at an instant; there is none before Start.
func (r Regular) Read(t scalers.Instant, _ Target) (scalers.Event, bool) {
	if t < r.Start {
		return scalers.Event{}, false
	}
	answer, value := r.Series.At(r.index(t))
	return answer.Event(value, r.Zeros)
}

// Count returns the newest number of the series at an instant, as a count of pods; false before the first number.
func (r Regular) Count(t scalers.Instant) (int32, bool) {
	if t < r.Start {
		return 0, false
	}
	for k := min(r.index(t), r.Series.Len()-1); k >= 0; {
		run, first := r.Series.run(k)
		if run.Answer == Number {
			return int32(min(max(run.At(k-first)/1000, 0), math.MaxInt32)), true
		}
		k = first - 1
	}
	return 0, false
}
