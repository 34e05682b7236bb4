package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// scrape has the metrics of a process, in the text format.
type scrape string

// scrape reads the metrics of a process. Ten thousand objects have 9 MB of them.
func (w *env) scrape(ctx context.Context, url string) (scrape, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("read the metrics: %w", err)
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("read the metrics: %w", err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", fmt.Errorf("read the metrics: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("read the metrics of %s: %s", url, resp.Status)
	}
	return scrape(text), nil
}

// scrapeAPIServer reads the metrics of the API server.
func (w *env) scrapeAPIServer(ctx context.Context) (scrape, error) {
	text, err := w.kube.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("read the metrics of the API server: %w", err)
	}
	return scrape(text), nil
}

// each calls do with the labels and the value of each sample of a metric. The labels are text such as {a="b",c="d"}.
func (s scrape) each(name string, do func(labels string, value float64)) {
	for line := range strings.Lines(string(s)) {
		rest, ours := strings.CutPrefix(line, name)
		if !ours || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		i := strings.LastIndexByte(rest, ' ')
		if value, err := strconv.ParseFloat(strings.TrimSpace(rest[i+1:]), 64); err == nil {
			do(rest[:i], value)
		}
	}
}

// sum returns the number of samples of a metric and the sum of their values.
func (s scrape) sum(name string) (n int, sum float64) {
	s.each(name, func(_ string, value float64) {
		n++
		sum += value
	})
	return n, sum
}

// writeKind names what a request to the API server writes: scaledobjects/status, events, deployments/scale, leases and so on; "" for one that
// writes nothing that is stored. labels are those of apiserver_request_total.
func writeKind(labels string) string {
	label := func(name string) string {
		_, after, _ := strings.Cut(labels, name+`="`)
		value, _, _ := strings.Cut(after, `"`)
		return value
	}
	switch label("verb") {
	case "POST", "PUT", "PATCH", "APPLY", "DELETE":
	default:
		return ""
	}
	kind := label(",resource")
	if strings.HasSuffix(kind, "reviews") { // They answer a question, and are not stored.
		return ""
	}
	if sub := label("subresource"); sub != "" {
		kind += "/" + sub
	}
	return kind
}

// writes returns the number of writes that the API server has accepted or refused so far, by writeKind.
func (s scrape) writes() map[string]float64 {
	all := map[string]float64{}
	s.each("apiserver_request_total", func(labels string, value float64) {
		if kind := writeKind(labels); kind != "" {
			all[kind] += value
		}
	})
	return all
}
