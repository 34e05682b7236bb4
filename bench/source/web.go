package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// client has as many idle connections to a server as it needs.
var client = &http.Client{Transport: &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 64}}

// getJSON decodes the answer to one request.
func getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("request %s: %w", url, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("request %s: %s: %.200s", url, response.Status, body)
	}
	return json.Unmarshal(body, into)
}

// levels are numbers that a server of this process has.
type levels []atomic.Int64

// newLevels returns n levels, which are 1.
func newLevels(n int) levels {
	all := make(levels, n)
	for i := range all {
		all[i].Store(1)
	}
	return all
}

// set changes one level.
func (l levels) set(_ context.Context, i, n int) error {
	l[i].Store(int64(n))
	return nil
}

// find returns the level whose number is a text.
func (l levels) find(text string) (int64, error) {
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(l) {
		return 0, fmt.Errorf("there is no level %q", text)
	}
	return l[i].Load(), nil
}

// startMetricsAPI serves levels as JSON.
func startMetricsAPI(ctx context.Context, h *Host) ([]Source, error) {
	all := newLevels(h.Levels)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := all.find(r.URL.Path[1:])
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"queue": {"waiting": %d}}`, n)
	})
	address, err := h.serve(ctx, handler)
	if err != nil {
		return nil, err
	}
	return []Source{{Name: "metrics-api", Type: "metrics-api", Address: address, Set: all.set, Metadata: func(i int) map[string]string {
		return map[string]string{"url": address + "/" + strconv.Itoa(i), "valueLocation": "queue.waiting", "targetValue": "1"}
	}}}, nil
}

// serve serves until Close is called, and returns the URL.
func (h *Host) serve(ctx context.Context, handler http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // It returns when the server is closed.
	}()
	h.onClose(func() {
		_ = server.Close()
		<-done
	})
	return "http://" + listener.Addr().String(), nil
}

func bareMetricsAPI(_ context.Context, address string) (Read, error) {
	return func(ctx context.Context, i int) (float64, error) {
		var answer struct {
			Queue struct {
				Waiting float64 `json:"waiting"`
			} `json:"queue"`
		}
		err := getJSON(ctx, address+"/"+strconv.Itoa(i), &answer)
		return answer.Queue.Waiting, err
	}, nil
}
