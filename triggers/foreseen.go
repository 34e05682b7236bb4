package triggers

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Policy tests, simulations and explanations compute levels without a source. For that, a Config implements Timed or Alerted if its kind
// allows it, and Lenient if it has such options. Its Source uses the same methods.

// Timed is implemented by a Config whose level depends on the time alone.
type Timed interface {
	// Timetable returns the levels at all times.
	Timetable() (Timetable, error)
}

// Timetable returns the level at a time, and the first later time at which the level changes; the zero time if it never does.
type Timetable func(now time.Time) (level scalers.Milli, end time.Time)

// Alerted is implemented by a Config whose level depends on the firing alerts.
type Alerted interface {
	// Selection returns the query for the alerts of an object in the namespace.
	Selection(namespace string) (AlertQuery, error)
	// Level returns the level for the firing alerts, and an error if it is unknown because an alert has no valid number. next is
	// when the level of the same alerts changes; the zero time if it never does.
	Level(alerts []Alert, now time.Time) (level scalers.Milli, next time.Time, err error)
}

// Lenient is implemented by a Config with options under which some answers count as 0, such as ignoreNullValues.
type Lenient interface {
	// Zeros returns the answers for which the user set such an option.
	Zeros() Zeros
}

// Zeros lists answers that count as 0 instead of being unknown.
type Zeros struct {
	// Null covers empty, NaN and infinite answers.
	Null bool
	// Negative covers numbers below 0.
	Negative bool
}
