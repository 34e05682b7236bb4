package database

import (
	"errors"
	"fmt"
	"io"
)

// The reasons why an answer is not one value.
var (
	errNoColumn = errors.New("the query returns no row: it must be a query such as SELECT")
	errNoRow    = errors.New("the query returned no row: count(*), sum() and max() always return one")
	errManyRows = errors.New("the query returned several rows: aggregate them, or add LIMIT 1")
	errNull     = errors.New("the answer is NULL: coalesce(…, 0) reads it as 0")
)

// CheckColumns returns an error unless an answer has one column.
func CheckColumns(n int) error {
	switch n {
	case 0:
		return errNoColumn
	case 1:
		return nil
	}
	return fmt.Errorf("the query returns %d columns: select one", n)
}

// Only returns the only value of an answer with one column. next returns the value of the next row as text, and false if it is NULL; after
// the last row it returns io.EOF. Only does not read further than the second row.
func Only(next func() (text string, known bool, err error)) (string, error) {
	text, known, err := next()
	switch {
	case errors.Is(err, io.EOF):
		return "", errNoRow
	case err != nil:
		return "", err
	}
	switch _, _, err := next(); {
	case err == nil:
		return "", errManyRows
	case !errors.Is(err, io.EOF):
		return "", err
	case !known:
		return "", errNull
	}
	return text, nil
}
