package triggers

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// What a level depends on decides whether it can be told without the world: by the tests of a policy, by a simulation. A
// Config implements one of these where its kind allows it, and its Source uses the same methods.

// Timed is a Config whose level follows from the clock alone.
type Timed interface {
	// Timetable returns the levels of every time.
	Timetable() (Timetable, error)
}

// Timetable returns the level at a time, and the first time after it at which the level is another one; zero: never.
type Timetable func(now time.Time) (level scalers.Milli, end time.Time)

// Alerted is a Config whose level follows from the alerts that fire.
type Alerted interface {
	// Selection selects the alerts of an object in a namespace.
	Selection(namespace string) (AlertQuery, error)
	// Level turns those that fire into one level. One that is worth no number makes it unknown. next is when the same alerts
	// are another level; zero: never.
	Level(alerts []Alert, now time.Time) (level scalers.Milli, next time.Time, err error)
}

// Lenient is a Config whose user may have said that some answers count as 0.
type Lenient interface {
	Zeros() Zeros
}

// Zeros says which answers count as 0 instead of as unknown, because the user said so.
type Zeros struct {
	// Null is an empty, NaN or infinite answer.
	Null bool
	// Negative is a number below 0.
	Negative bool
}
