package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// maxPoints is the highest number of points that Prometheus returns for one query.
	maxPoints = 11000
	// DefaultTimeout is the timeout of one query to Prometheus, unless Options.Timeout is set.
	DefaultTimeout = time.Minute
	// maxQueries bounds the queries for one trigger.
	maxQueries = 1000
)

// Errors of a load that Prometheus cannot give.
var (
	errNoQuery   = errors.New("no trigger of the object has a PromQL query")
	errSeries    = errors.New("the query gives several series: one is expected")
	errNoSamples = errors.New("the queries give no numbers in that time")
	errWhen      = errors.New("is neither a time, such as 2026-03-01T08:00:00Z, nor how long ago, such as 24h")
	errBackwards = errors.New("--from is not before --to")
	errTooMany   = errors.New("those are too many points: take a longer --step")
)

// query runs the object's own PromQL queries against a Prometheus, and returns their results as a load.
func (o *Options) query(ctx context.Context, w *compile.Workload) (*Load, error) {
	from, err := o.when("--from", o.From)
	if err != nil {
		return nil, err
	}
	to, err := o.when("--to", o.To)
	if err != nil {
		return nil, err
	}
	step := o.Step
	if step <= 0 {
		step = w.Triggers[0].PollingInterval
	}
	switch {
	case !from.Before(to):
		return nil, errBackwards
	case to.Sub(from)/step > maxPoints*maxQueries:
		return nil, errTooMany
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	client, err := api.NewClient(api.Config{Address: o.Prometheus, Client: &http.Client{Timeout: timeout}})
	if err != nil {
		return nil, fmt.Errorf("--prometheus: %w", err)
	}
	rows := map[scalers.Instant][]Cell{}
	var names []string
	for i := range w.Triggers {
		promQL, ok := w.Triggers[i].Config.(interface{ PromQL() string })
		if !ok {
			continue
		}
		names = append(names, w.Triggers[i].Name)
		if err := queryRange(ctx, promv1.NewAPI(client), promQL.PromQL(), promv1.Range{Start: from, End: to, Step: step}, rows, len(names)); err != nil {
			return nil, fmt.Errorf("query %s for trigger %s: %w", o.Prometheus, w.Triggers[i].Name, withRemedy(err, timeout))
		}
	}
	switch {
	case len(names) == 0:
		return nil, errNoQuery
	case len(rows) == 0:
		return nil, errNoSamples
	}
	return columns(names, rows), nil
}

// queryRange fills in the n-th cell of each row, in as many queries as the server's bound on points requires.
func queryRange(ctx context.Context, server promv1.API, query string, r promv1.Range, rows map[scalers.Instant][]Cell, n int) error {
	for start := r.Start; !start.After(r.End); start = start.Add(maxPoints * r.Step) {
		end := start.Add((maxPoints - 1) * r.Step)
		if end.After(r.End) {
			end = r.End
		}
		value, _, _, err := server.QueryRange(ctx, query, promv1.Range{Start: start, End: end, Step: r.Step})
		if err != nil {
			return err
		}
		matrix, ok := value.(model.Matrix)
		if !ok || len(matrix) > 1 {
			return errSeries
		}
		for _, series := range matrix {
			for _, sample := range series.Values {
				at := scalers.InstantOf(sample.Timestamp.Time())
				for len(rows[at]) < n {
					rows[at] = append(rows[at], Cell{Answer: engine.Silent})
				}
				rows[at][n-1] = sampleOf(float64(sample.Value))
			}
		}
	}
	return nil
}

// withRemedy explains the error of an answer that is late, cut off or not one of a Prometheus, with a remedy if there is one.
func withRemedy(err error, timeout time.Duration) error {
	var network net.Error
	var answer *promv1.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no complete answer within %s; ask for less (a later --from, a longer --step), or wait longer with --timeout: %w", timeout, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the answer was cut off: the server or a proxy before it broke the connection; try again, or ask for less (a longer --step): %w", err)
	case errors.As(err, &answer) && answer.Type == promv1.ErrBadResponse:
		return fmt.Errorf("the answer is not one of a Prometheus, or only the beginning of one: %w", err)
	default:
		return err
	}
}

func sampleOf(value float64) Cell {
	milli, err := scalers.FromFloat(value)
	if err != nil {
		return Cell{Answer: engine.NaN}
	}
	return Cell{Value: milli}
}

// columns returns rows as a load, in the order of time.
func columns(names []string, rows map[scalers.Instant][]Cell) *Load {
	l := &Load{Times: slices.Sorted(maps.Keys(rows))}
	for i, name := range names {
		c := Column{Name: name, Cells: make([]Cell, len(l.Times))}
		for k, at := range l.Times {
			c.Cells[k] = Cell{Answer: engine.Silent}
			if i < len(rows[at]) {
				c.Cells[k] = rows[at][i]
			}
		}
		l.Columns = append(l.Columns, c)
	}
	return l
}

// when parses the value of a flag: a time, or a duration before Options.Now.
func (o *Options) when(flag, text string) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return o.Now.Add(-ago), nil
	}
	at, err := timeOf(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %q %w", flag, text, errWhen)
	}
	return at.Time(), nil
}
