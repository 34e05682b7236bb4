package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// Series is one sample, of the present time.
type Series struct {
	Labels map[string]string
	Value  float64
}

// WriteSamples sends samples to a receiver of Prometheus's remote write.
func WriteSamples(ctx context.Context, url string, series ...Series) error {
	var message prompb.WriteRequest
	for _, s := range series {
		written := prompb.TimeSeries{Samples: []prompb.Sample{{Value: s.Value, Timestamp: time.Now().UnixMilli()}}}
		for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
			written.Labels = append(written.Labels, prompb.Label{Name: name, Value: s.Labels[name]})
		}
		message.Timeseries = append(message.Timeseries, written)
	}
	content, err := message.Marshal()
	if err != nil {
		return fmt.Errorf("encode samples: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(snappy.Encode(nil, content)))
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "snappy")
	request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(io.LimitReader(response.Body, 1024)); response.StatusCode/100 != 2 {
		return fmt.Errorf("write samples: %s: %s", response.Status, text)
	}
	return nil
}

// writePath is where Prometheus receives samples.
const writePath = "/api/v1/write"

// startPrometheus gives the Prometheus of the sandbox a series for each level.
func startPrometheus(ctx context.Context, h *Host) ([]Source, error) {
	address := h.Sandbox.Prometheus
	series := func(i, n int) Series {
		return Series{Labels: map[string]string{"__name__": "jobs", "queue": strconv.Itoa(i)}, Value: float64(n)}
	}
	all := make([]Series, h.Levels)
	for i := range all {
		all[i] = series(i, 1)
	}
	if err := WriteSamples(ctx, address+writePath, all...); err != nil {
		return nil, err
	}
	return []Source{{Name: "prometheus", Type: "prometheus", Address: address, Set: func(ctx context.Context, i, n int) error {
		return WriteSamples(ctx, address+writePath, series(i, n))
	}, Metadata: func(i int) map[string]string { return PrometheusMetadata(address, i) }}}, nil
}

// PrometheusMetadata returns the metadata of a prometheus trigger that reads level i.
func PrometheusMetadata(address string, i int) map[string]string {
	return map[string]string{"serverAddress": address, "query": jobs(i), "threshold": "1"}
}

// jobs is the query of level i.
func jobs(i int) string { return `jobs{queue="` + strconv.Itoa(i) + `"}` }

func barePrometheus(_ context.Context, address string) (Read, error) {
	return func(ctx context.Context, i int) (float64, error) {
		var answer struct {
			Data struct {
				Result []struct {
					Value [2]any `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		err := getJSON(ctx, address+"/api/v1/query?query="+url.QueryEscape(jobs(i)), &answer)
		if err := only(len(answer.Data.Result), err); err != nil {
			return 0, err
		}
		return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	}, nil
}
