package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// queryTimeout bounds one query.
const queryTimeout = 15 * time.Second

// querier lets a Prometheus, or a server with its API, parse the PromQL queries of objects.
type querier struct {
	server promv1.API
	// refused has, for each query that was sent, the error of the server; "" if it can parse the query.
	refused map[string]string
}

// checkQueries returns the objects whose queries the server at a URL can parse, and a problem for each query that it cannot.
func checkQueries(ctx context.Context, url string, objects []manifest.Compiled) (valid []manifest.Compiled, all []diag.Error, err error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, nil, fmt.Errorf("--prometheus: %w", err)
	}
	q := &querier{server: promv1.NewAPI(client), refused: map[string]string{}}
	for i := range objects {
		o := &objects[i]
		problems, err := q.check(ctx, o.Object, o.Workload, "spec")
		if shadow := o.ScaledObject.Spec.Shadow; err == nil && shadow != nil && len(shadow.Triggers) > 0 {
			var more []diag.Error
			more, err = q.check(ctx, o.Object, o.Workload.Shadow, "spec.shadow")
			problems = append(problems, more...)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("query %s: %w", url, err)
		}
		if len(problems) == 0 {
			valid = append(valid, objects[i])
		}
		all = append(all, problems...)
	}
	return valid, all, nil
}

// check checks the queries of one policy, whose triggers are below a path of the object.
func (q *querier) check(ctx context.Context, o *manifest.Object, w *compile.Workload, path string) ([]diag.Error, error) {
	var all []diag.Error
	for i := range w.Triggers {
		config, ok := w.Triggers[i].Config.(interface{ PromQL() string })
		if !ok {
			continue
		}
		refused, err := q.refusal(ctx, config.PromQL())
		if err != nil {
			return nil, err
		}
		if refused != "" {
			all = append(all, o.ErrorAt(fmt.Sprintf("%s.triggers[%d].metadata.query", path, i), "the server cannot parse it: "+refused, ""))
		}
	}
	return all, nil
}

// refusal returns the error with which the server refuses a query, or "". The query is evaluated as of 1970, when there is no data,
// so that it costs the server little more than parsing.
func (q *querier) refusal(ctx context.Context, query string) (string, error) {
	if refused, ok := q.refused[query]; ok {
		return refused, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	_, _, _, err := q.server.Query(ctx, query, time.Unix(0, 0))
	refused := ""
	if answer, ok := errors.AsType[*promv1.Error](err); ok && isQueryError(answer.Type) {
		refused, err = strings.Join(strings.Fields(answer.Msg), " "), nil
	}
	if err == nil {
		q.refused[query] = refused
	}
	return refused, err
}

// isQueryError reports whether an error is about the query. Servers that are not a Prometheus have error types of their own for that.
func isQueryError(t promv1.ErrorType) bool {
	switch t {
	case promv1.ErrBadResponse, promv1.ErrServer, promv1.ErrClient, promv1.ErrTimeout, promv1.ErrCanceled:
		return false
	default:
		return true
	}
}
