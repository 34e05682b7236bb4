package database

import (
	"errors"
	"regexp"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// numbers matches the numbers of SQL. Other texts that scalers.ParseMilli accepts, such as 5m and 1Ki, are no numbers in a database.
var numbers = regexp.MustCompile(`^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$`)

// The reasons why a value is not a level. They do not quote a text: an error is shown to more people than a table.
var (
	errText     = errors.New("the answer is not a number")
	errNaN      = errors.New("the answer is NaN")
	errInfinite = errors.New("the answer is infinite")
)

// level returns the number in a text, which is not negative. It does not convert it to a floating-point number.
func level(text string) (scalers.Milli, error) {
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "nan":
		return 0, errNaN
	case "inf", "infinity":
		return 0, errInfinite
	}
	if !numbers.MatchString(text) {
		return 0, errText
	}
	m, err := scalers.ParseMilli(shorten(text))
	switch {
	case err != nil:
		return 0, errText
	case m < 0:
		return 0, triggers.VaryingErrorf("the answer is negative: %s", m)
	}
	return m, nil
}

// shorten returns a number that scalers.ParseMilli converts to the same Milli as the given one, and that is short enough for it: a DECIMAL
// may have 67 characters, and a NUMERIC of PostgreSQL thousands.
func shorten(number string) string {
	const places, most = 3, 20 // A Milli has fewer than 20 digits before the point.
	if strings.ContainsAny(number, "eE") {
		return number // Databases write no exponent in a number of fixed precision.
	}
	unsigned := strings.TrimLeft(number, "+-")
	sign := number[:len(number)-len(unsigned)]
	whole, part, _ := strings.Cut(unsigned, ".")
	if whole = strings.TrimLeft(whole, "0"); len(whole) > most {
		whole = strings.Repeat("9", most)
	}
	if part = strings.TrimRight(part, "0"); len(part) > places {
		part = part[:places] + "1" // The rest is above 0, and its digits do not matter.
	}
	return sign + "0" + whole + "." + part
}
