package database

import (
	"errors"
	"io"
	"testing"
)

func TestOnly(t *testing.T) {
	t.Run("an answer has exactly one row, which is not NULL", testAnswerHasExactlyOneRowWhichIsNotNULL)
	t.Run("an answer has exactly one column", testAnswerHasExactlyOneColumn)
}

// row is the value of a row, or the error of reading it.
type row struct {
	text  string
	known bool
	err   error
}

func testAnswerHasExactlyOneRowWhichIsNotNULL(t *testing.T) {
	lost := errors.New("lost")
	one, null, failed := row{"1", true, nil}, row{"", false, nil}, row{"", false, lost}
	for name, c := range map[string]struct {
		rows []row
		want error
	}{
		"no row":                      {nil, errNoRow},
		"one row":                     {[]row{one}, nil},
		"NULL":                        {[]row{null}, errNull},
		"two rows":                    {[]row{one, one}, errManyRows},
		"NULL and a row":              {[]row{null, one}, errManyRows},
		"an error":                    {[]row{failed}, lost},
		"an error after the row":      {[]row{one, failed}, lost},
		"an error after the NULL":     {[]row{null, failed}, lost},
		"an error after the two rows": {[]row{one, one, failed}, errManyRows},
	} {
		read := 0
		text, err := Only(func() (string, bool, error) {
			if read == len(c.rows) {
				return "", false, io.EOF
			}
			r := c.rows[read]
			read++
			return r.text, r.known, r.err
		})
		if !errors.Is(err, c.want) || err == nil && text != "1" {
			t.Errorf("%s: got %q, %v, want %v", name, text, err, c.want)
		}
	}
}

func testAnswerHasExactlyOneColumn(t *testing.T) {
	for n, want := range map[int]string{
		0: "the query returns no row: it must be a query such as SELECT", 1: "<nil>", 2: "the query returns 2 columns: select one",
	} {
		if got := CheckColumns(n); got == nil && n != 1 || got != nil && got.Error() != want {
			t.Errorf("%d columns: got %v, want %s", n, got, want)
		}
	}
}
