package remotewrite

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// summary is what the series are at one moment.
type summary struct {
	// known series count. missing ones have had no sample for a ttl; single ones have one sample, and so no rate; ended ones a stale marker.
	known, missing, single, ended int
	sum, most, least              float64
	// newest is the value of the newest sample, and newestAt its time.
	newest   float64
	newestAt time.Time
	// invalid is why a series has no value that can be aggregated.
	invalid error
	// next is the time until the first series is missing or ends by its ttl.
	next time.Duration
}

// level returns the level at a moment, without Trigger and At, and the time until it may change without a sample.
func (s *samples) level(now time.Time) (scalers.Event, time.Duration) {
	u := s.summarize(now)
	starting := s.since.Add(s.config.TTL).Sub(now)
	if starting > 0 {
		u.next = min(u.next, starting)
	}
	full := s.refused.Add(s.config.TTL).Sub(now)
	if !s.refused.IsZero() && full > 0 {
		u.next = min(u.next, full)
		return unknown(fmt.Errorf("the selector matches more than %d series", maxSeries)), u.next
	}
	if u.invalid != nil {
		return unknown(u.invalid), u.next
	}
	value, err := s.value(&u)
	if err != nil {
		return unknown(err), u.next
	}
	return s.complete(value, s.incomplete(&u, starting)), u.next
}

func unknown(err error) scalers.Event { return scalers.Event{Err: err} }

// summarize aggregates the series that count, and removes those that have ended by their ttl.
func (s *samples) summarize(now time.Time) summary {
	u := summary{most: math.Inf(-1), least: math.Inf(1), next: s.config.TTL}
	for id, one := range s.series {
		age := now.Sub(one.current)
		if age >= 2*s.config.TTL {
			delete(s.series, id)
			continue
		}
		left := s.config.TTL - age
		if left <= 0 {
			left += s.config.TTL
		}
		u.next = min(u.next, left)
		switch {
		case one.ended:
			u.ended++
		case age >= s.config.TTL:
			u.missing++
		default:
			u.add(one, s.config.Aggregation)
		}
	}
	return u
}

// add adds a series that counts.
func (u *summary) add(one *series, aggregation string) {
	value, ok := one.value, true
	if aggregation == rate {
		value, ok = one.perSecond()
	}
	switch {
	case one.histogram:
		u.invalid = errors.New("a selected series is a native histogram, which has no single value: select a series of numbers")
		return
	case aggregation == count:
	case math.IsNaN(one.value), math.IsInf(one.value, 0):
		u.invalid = cmp.Or(u.invalid, fmt.Errorf("the value of a selected series is %v", one.value))
		return
	}
	if !ok {
		u.single++
		return
	}
	u.known++
	u.sum, u.most, u.least = u.sum+value, max(u.most, value), min(u.least, value)
	if one.at.After(u.newestAt) {
		u.newest, u.newestAt = value, one.at
	}
}

// value returns the aggregated value of the known series.
func (s *samples) value(u *summary) (scalers.Milli, error) {
	if u.known == 0 {
		return 0, s.nothing(u)
	}
	value := map[string]float64{
		sum: u.sum, rate: u.sum, avg: u.sum / float64(u.known), most: u.most, least: u.least, count: float64(u.known), last: u.newest,
	}[s.config.Aggregation]
	if value < 0 {
		return 0, fmt.Errorf("the %s is negative: %v", s.config.Aggregation, value)
	}
	return scalers.FromFloat(value)
}

// nothing returns why no series counts.
func (s *samples) nothing(u *summary) error {
	switch {
	case s.misdated != "":
		return errors.New(s.misdated)
	case u.single > 0:
		return errors.New("a rate needs two samples: there is one so far")
	case u.missing > 0:
		return fmt.Errorf("no sample has arrived for %s, the ttl", s.config.TTL)
	case u.ended > 0:
		return errors.New("all selected series have ended")
	default:
		return errors.New("no sample of the selected series has arrived yet, or not for twice the ttl")
	}
}

// incomplete returns why there may be more selected series than the known ones; nil if there are none or they do not matter.
func (s *samples) incomplete(u *summary, starting time.Duration) error {
	switch {
	case s.config.Aggregation == last:
		return nil
	case u.missing > 0:
		return fmt.Errorf("%d of the selected series have had no sample for %s, the ttl", u.missing, s.config.TTL)
	case u.single > 0:
		return fmt.Errorf("%d of the selected series have one sample so far, and a rate needs two", u.single)
	case starting > 0:
		return fmt.Errorf("other series may not have been written yet: the trigger has received samples for less than %s, the ttl", s.config.TTL)
	default:
		return nil
	}
}

// complete returns the event for a value, which missing series may raise. They may also lower an average and a minimum, which then are
// unknown.
func (s *samples) complete(value scalers.Milli, missing error) scalers.Event {
	switch {
	case missing == nil:
		return scalers.Event{Value: value}
	case s.config.Aggregation == avg || s.config.Aggregation == least:
		return unknown(missing)
	default:
		return scalers.Event{Value: value, Err: missing, AtLeast: true}
	}
}
