package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// bareServer is the reference for a receiver: a handler of the framework echo that decodes the JSON and responds with 200, in a process of its own.
type bareServer struct {
	url     string
	process *process.Process
	env     *env
}

// startBareServer runs this program as that server.
func startBareServer(ctx context.Context, w *env) (*bareServer, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, w.dir, "bare-server", filepath.Clean(binary), "-serve", address)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, p.Stop)
	e := &bareServer{url: "http://" + address + "/", process: p, env: w}
	err = process.WaitFor(ctx, 10*time.Second, "the bare server answers", func(ctx context.Context) (bool, error) {
		_, err := e.cpu(ctx)
		return err == nil, p.Err()
	})
	return e, err
}

func (e *bareServer) cpu(ctx context.Context) (float64, error) {
	return e.env.metricAt(ctx, e.url+"metrics", "process_cpu_seconds_total")
}

// serveBareServer is the server itself.
func serveBareServer(address string) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/metrics", echo.WrapHandler(promhttp.Handler()))
	e.POST("/", func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
		var delivery struct {
			Version string `json:"version"`
			Alerts  []struct {
				Status      string            `json:"status"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
				StartsAt    time.Time         `json:"startsAt"`
				EndsAt      time.Time         `json:"endsAt"`
			} `json:"alerts"`
		}
		if err := json.Unmarshal(body, &delivery); err != nil {
			return fmt.Errorf("decode the body: %w", err)
		}
		return c.NoContent(http.StatusOK)
	})
	return e.Start(address)
}

func (w *env) cpu(ctx context.Context) (float64, error) {
	return w.metric(ctx, "process_cpu_seconds_total")
}

// metric returns the value of one of Impulse's metrics.
func (w *env) metric(ctx context.Context, name string) (float64, error) {
	return w.metricAt(ctx, w.impulse+"/metrics", name)
}

// metricAt returns the value of a metric without labels.
func (w *env) metricAt(ctx context.Context, url, name string) (float64, error) {
	text, err := w.metrics(ctx, url)
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s: there is no metric %s", url, name)
	}
	value, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", url, name, err)
	}
	return value, nil
}

// metrics returns the metrics of a process.
func (w *env) metrics(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask for metrics: %w", err)
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for metrics: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return "", fmt.Errorf("read the metrics: %w", err)
	}
	return string(text), nil
}
