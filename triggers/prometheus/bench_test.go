package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/impulse-sh/impulse/triggers"
)

// BenchmarkRead compares a reading with one by the client library alone, and with the request and the decoding that any client needs. The
// server is in the same process, so its part is in all three.
func BenchmarkRead(b *testing.B) {
	const query = `sum(rate(http_requests_total{job="shop"}[1m]))`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1790000000.123,"42.5"]}]}}`)
	}))
	b.Cleanup(server.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	client := &http.Client{Transport: transport}
	b.Run("trigger", func(b *testing.B) {
		c := defaults()
		c.ServerAddress, c.Query, c.Timeout = server.URL, query, 10*time.Second
		r, err := newReader(c, triggers.Env{HTTP: client})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if level, err := r.Read(b.Context()); err != nil || level != 42_500 {
				b.Fatal(level, err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		raw, err := api.NewClient(api.Config{Address: server.URL, Client: client})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			if _, _, _, err := v1.NewAPI(raw).Query(ctx, query, time.Time{}); err != nil {
				b.Fatal(err)
			}
			cancel()
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := bareRead(b.Context(), client, server.URL+"/api/v1/query?query="+url.QueryEscape(query)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func bareRead(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}
