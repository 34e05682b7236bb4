package simulate

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// maxRows bounds a load: two years at 15 s.
	maxRows = 4 << 20
	// maxInput bounds a file with a load, in bytes.
	maxInput = 256 << 20
)

// maxRelative is three years in seconds. A lower number of seconds is counted from the start of the load, which then is begin, as in
// the tests of policies.
const maxRelative = 3 * 365 * 86400

var begin = scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// Errors of a load that cannot be used.
var (
	errEmpty    = errors.New("there are no rows")
	errNoNames  = errors.New("the first row is one of numbers: write the names of the columns above it, such as time,value")
	errTwice    = errors.New("is the name of two columns")
	errColumns  = errors.New("the first row must name the time and at least one column, such as time,value")
	errUnsorted = errors.New("the time is not after that of the row before: times must rise")
	errNumber   = errors.New("is not a number (an empty cell is no reading, NaN is an answer without a number)")
	errTime     = errors.New("is not a time (write 2026-03-01T08:00:00Z, 2026-03-01 08:00:00, or seconds since 1970 or since the beginning)")
	errLong     = fmt.Errorf("there are more than %d rows", maxRows)
)

// ReadCSV reads a load: a first row with names, then a time and numbers in each row. An empty cell is no reading, nan is a reading
// without a number. The error names the line.
func ReadCSV(name string, r io.Reader) (*Load, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = text.Discard(len(mark)) // Peek has read them.
	}
	reader := csv.NewReader(text)
	reader.TrimLeadingSpace, reader.ReuseRecord = true, true
	header, err := reader.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: %w", name, errEmpty)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(header) < 2:
		return nil, fmt.Errorf("%s:1: %w", name, errColumns)
	}
	load := &Load{}
	if err := load.readNames(header); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := load.readRow(row); err != nil {
			line, _ := reader.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
	if len(load.Times) == 0 {
		return nil, fmt.Errorf("%s: %w", name, errEmpty)
	}
	return load, nil
}

// byteOrderMark is at the start of texts that spreadsheets on Windows write.
const byteOrderMark = "\ufeff"

// readNames reads the row of names. One that starts with a time is a row of numbers, which would be lost.
func (l *Load) readNames(header []string) error {
	if _, err := timeOf(header[0]); err == nil {
		return errNoNames
	}
	for _, column := range header[1:] {
		column = strings.TrimSpace(column)
		if column != "" && l.Column(column) != nil {
			return fmt.Errorf("%q %w", column, errTwice)
		}
		l.Columns = append(l.Columns, Column{Name: column})
	}
	return nil
}

// readRow reads a row of numbers.
func (l *Load) readRow(row []string) error {
	at, err := timeOf(row[0])
	switch {
	case err != nil:
		return err
	case len(l.Times) > 0 && at <= l.Times[len(l.Times)-1]:
		return fmt.Errorf("%s: %w", row[0], errUnsorted)
	case len(l.Times) == maxRows:
		return errLong
	}
	l.Times = append(l.Times, at)
	for i := range l.Columns {
		cell, err := cellOf(row[i+1])
		if err != nil {
			return fmt.Errorf("column %s: %w", l.Columns[i].Name, err)
		}
		l.Columns[i].Cells = append(l.Columns[i].Cells, cell)
	}
	return nil
}

func timeOf(text string) (scalers.Instant, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return scalers.InstantOf(t), nil
		}
	}
	seconds, err := strconv.ParseFloat(text, 64)
	// Seconds up to the year 9999, so that times in milliseconds are noticed.
	if err != nil || seconds < 0 || seconds > 253402300799 || seconds != seconds {
		return 0, fmt.Errorf("%q %w", text, errTime)
	}
	whole := int64(seconds)
	at := scalers.InstantOf(time.Unix(whole, int64((seconds-float64(whole))*1e9)))
	if seconds < maxRelative {
		at += begin
	}
	return at, nil
}

func cellOf(text string) (Cell, error) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	case "":
		return Cell{Answer: engine.Silent}, nil
	case "nan":
		return Cell{Answer: engine.NaN}, nil
	case "inf", "+inf", "-inf":
		return Cell{Answer: engine.Infinite}, nil
	}
	value, err := scalers.ParseMilli(text)
	if err != nil {
		return Cell{}, fmt.Errorf("%q %w", text, errNumber)
	}
	return Cell{Value: value}, nil
}
