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

// queryTimeout bounds how long a server may take to say whether it takes a query.
const queryTimeout = 15 * time.Second

// querier asks a Prometheus, or what answers its API, whether it takes the queries of objects.
type querier struct {
	server promv1.API
	// refused is why a query that was asked is not taken; "" when it is.
	refused map[string]string
}

// askQueries returns the objects whose queries the server at a URL takes, and a problem for each query that it cannot parse.
func askQueries(ctx context.Context, url string, objects []manifest.Compiled) (well []manifest.Compiled, all []diag.Error, err error) {
	client, err := api.NewClient(api.Config{Address: url})
	if err != nil {
		return nil, nil, fmt.Errorf("--prometheus: %w", err)
	}
	q := &querier{server: promv1.NewAPI(client), refused: map[string]string{}}
	for i := range objects {
		o := &objects[i]
		problems, err := q.ask(ctx, o.Object, o.Workload, "spec")
		if shadow := o.ScaledObject.Spec.Shadow; err == nil && shadow != nil && len(shadow.Triggers) > 0 {
			var more []diag.Error
			more, err = q.ask(ctx, o.Object, o.Workload.Shadow, "spec.shadow")
			problems = append(problems, more...)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("ask %s: %w", url, err)
		}
		if len(problems) == 0 {
			well = append(well, objects[i])
		}
		all = append(all, problems...)
	}
	return well, all, nil
}

// ask asks for the queries of one policy, whose triggers stand below a path of the object.
func (q *querier) ask(ctx context.Context, o *manifest.Object, w *compile.Workload, path string) ([]diag.Error, error) {
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
			all = append(all, o.Problem(fmt.Sprintf("%s.triggers[%d].metadata.query", path, i), "the server does not take it: "+refused, ""))
		}
	}
	return all, nil
}

// refusal returns why the server cannot parse a query, "" when it can. The query is asked for as of 1970, when there is nothing
// to read: it costs the server no more than to parse it.
func (q *querier) refusal(ctx context.Context, query string) (string, error) {
	if refused, ok := q.refused[query]; ok {
		return refused, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	_, _, _, err := q.server.Query(ctx, query, time.Unix(0, 0))
	refused := ""
	if answer, ok := errors.AsType[*promv1.Error](err); ok && judged(answer.Type) {
		refused, err = strings.Join(strings.Fields(answer.Msg), " "), nil
	}
	if err == nil {
		q.refused[query] = refused
	}
	return refused, err
}

// judged reports whether an error is about the query: servers that are no Prometheus have types of their own for that.
func judged(t promv1.ErrorType) bool {
	switch t {
	case promv1.ErrBadResponse, promv1.ErrServer, promv1.ErrClient, promv1.ErrTimeout, promv1.ErrCanceled:
		return false
	default:
		return true
	}
}
