package webhook

import (
	"context"
	"fmt"
	"math"
	"time"
)

// lastSecond is the latest time that is accepted, in Unix seconds: the end of the year 9999.
const lastSecond = 253402300799

// time returns the zero time for an expression that is not set, and for the year 1, which some senders use for no time.
func (e *expression) time(ctx context.Context, in input) (time.Time, error) {
	if e == nil {
		return time.Time{}, nil
	}
	v, err := e.eval(ctx, in)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	switch x := v.Value().(type) {
	case time.Time:
		at = x
	case string:
		if at, err = time.Parse(time.RFC3339Nano, x); err != nil {
			return time.Time{}, fmt.Errorf("%s: its result %.40q is not an RFC 3339 time", e.field, x)
		}
	case int64:
		at, err = seconds(float64(x))
	case uint64:
		at, err = seconds(float64(x))
	case float64:
		at, err = seconds(x)
	default:
		err = fmt.Errorf("is %s, expected a timestamp, RFC 3339 text or Unix seconds", v.Type().TypeName())
	}
	if err == nil && !at.IsZero() && (at.Unix() < 0 || at.Unix() > lastSecond) {
		err = fmt.Errorf("is %s: expected a time between 1970 and 9999", at.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: its result %w", e.field, err)
	}
	return at, nil
}

// seconds converts Unix seconds. The error for a value that is too large suggests that it is in milliseconds.
func seconds(s float64) (time.Time, error) {
	if math.IsNaN(s) || s < 0 || s > lastSecond {
		return time.Time{}, fmt.Errorf("is %v, expected Unix seconds (divide milliseconds by 1000)", s)
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
}
