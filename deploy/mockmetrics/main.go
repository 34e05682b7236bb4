// Command mockmetrics serves one made-up metric that rises and falls on request.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "address to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "mockmetrics:", err)
		os.Exit(1)
	}
}

// serve runs the server and its count until ctx is done.
func serve(ctx context.Context, listen string) error {
	l := &load{}
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		l.run(ctx)
	}()
	server := &http.Server{Addr: listen, Handler: handler(l), ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	err := server.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		<-moved
		return nil
	}
	return fmt.Errorf("serve on %s: %w", listen, err)
}

// handler routes the metric and the three commands.
func handler(l *load) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{ //nolint:promlinter // The demo's rule and queries use this name.
		Name: "total_hit_count",
		Help: "Hits that wait to be served.",
	}, func() float64 { return float64(l.value()) }))
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for path, to := range map[string]struct {
		direction int
		word      string
	}{"/scale/up": {1, "rises"}, "/scale/down": {-1, "falls"}, "/scale/stop": {0, "stays"}} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			l.setDirection(to.direction)
			fmt.Fprintf(w, "total_hit_count is %d and %s\n", l.value(), to.word)
		})
	}
	return mux
}
