package scalers

import (
	"fmt"
	"math"
)

// microPlaces are the decimal places of millionths.
const microPlaces = 6

// ParseExact parses a number that a user wrote, such as a target, in the notation of [ParseMilli]. It returns an error for a
// number that thousandths cannot represent, and does not round: half of a very small target is twice the replicas. The error
// names the nearest numbers that are possible.
func ParseExact(text string) (Milli, error) {
	n, err := parseExact(text, milliPlaces)
	return Milli(n), err
}

// ParseMillionths is like [ParseExact] for millionths, the unit of Behavior.Tolerance.
func ParseMillionths(text string) (int64, error) { return parseExact(text, microPlaces) }

// parseExact parses a number of at most so many decimal places.
func parseExact(text string, places int) (int64, error) {
	d, err := readDecimal(text)
	if err != nil {
		return 0, err
	}
	n, lost := d.scaled(places)
	switch step := decimalText(1, places); {
	case lost == saturated && d.negative:
		return 0, fmt.Errorf("%s is below %s, the smallest number that is possible", text, decimalText(-math.MaxInt64, places))
	case lost == saturated:
		return 0, fmt.Errorf("%s is above %s, the largest number that is possible", text, decimalText(math.MaxInt64, places))
	case lost == rounded && (n == 1 || n == -1):
		return 0, fmt.Errorf("%s is finer than %s, the smallest step that is possible", text, step)
	case lost == rounded:
		return 0, fmt.Errorf("%s is finer than %s, the smallest step that is possible: write %s or %s",
			text, step, decimalText(n-d.sign(1), places), decimalText(n, places))
	}
	return n, nil
}
