package webhook

import (
	"context"
	"fmt"
	"math"
	"time"
)

// lastSecond is the last that is taken as a time: that of the year 9999.
const lastSecond = 253402300799

// time is zero for an expression that was not given, and for the year 1, by which some senders say that there is none.
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
			return time.Time{}, fmt.Errorf("%s: its answer %.40q is no RFC 3339 time", e.field, x)
		}
	case int64:
		at, err = seconds(float64(x))
	case uint64:
		at, err = seconds(float64(x))
	case float64:
		at, err = seconds(x)
	default:
		err = fmt.Errorf("is %s: a timestamp, RFC 3339 text or Unix seconds was expected", v.Type().TypeName())
	}
	if err == nil && !at.IsZero() && (at.Unix() < 0 || at.Unix() > lastSecond) {
		err = fmt.Errorf("is %s: not of our time", at.UTC().Format(time.RFC3339))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: its answer %w", e.field, err)
	}
	return at, nil
}

// seconds are those since 1970. Whoever sends milliseconds is told.
func seconds(s float64) (time.Time, error) {
	if math.IsNaN(s) || s < 0 || s > lastSecond {
		return time.Time{}, fmt.Errorf("is %v: Unix seconds were expected (milliseconds are divided by 1000)", s)
	}
	whole, part := math.Modf(s)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
}
