package autoscaler

import (
	"errors"

	"github.com/impulse-sh/impulse/actuator"
)

// refused reports whether a write failed because admission did not let its count through.
func refused(err error) bool {
	return errors.Is(err, actuator.ErrDenied) || errors.Is(err, actuator.ErrAltered)
}

// refusals are the smallest raise and the smallest lowering that admission has not let through since a write last succeeded;
// 0 is none. Nobody says which counts admission lets through, but a smaller change has a better chance than a refused one.
type refusals struct{ raise, lower int32 }

// add takes in a change that was refused.
func (r *refusals) add(change int32) {
	size := &r.raise
	if change < 0 {
		size, change = &r.lower, -change
	}
	if *size == 0 || change < *size {
		*size = change
	}
}

// smaller reports whether a change is smaller than every refused one in its direction. Such a change needs not wait, and
// there are only so many of them, however the load wobbles.
func (r *refusals) smaller(change int32) bool {
	size := r.raise
	if change < 0 {
		size, change = r.lower, -change
	}
	return size == 0 || change < size
}
