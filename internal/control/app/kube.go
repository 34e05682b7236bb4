package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// restConfig finds the cluster like kubectl, or by the service account of a Pod.
func (o *Options) restConfig() (*rest.Config, error) {
	config, err := o.Cluster.Config()
	if err != nil {
		return nil, err
	}
	// A client-side rate limit would delay writes. The API server limits requests by priority and fairness.
	config.QPS = -1
	config.UserAgent = "impulse/" + o.Version
	return config, nil
}

// silence are the environment variables of client-go for connections over HTTP/2, in seconds: after how long without a byte a ping is sent,
// and how long its answer may take. By default they are 30 and 15.
var silence = map[string]string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "10", "HTTP2_PING_TIMEOUT_SECONDS": "10"}

// limitSilence has the clients of the API server find within 20 s that a connection is dead, unless its variables are set. What waits on it
// fails then, and is sent or watched again on a new one; until then a new leader may read no objects, and an old one sees no changes.
func limitSilence() error {
	for name, seconds := range silence {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, seconds); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// redirectKlog sends the log of the Kubernetes libraries to log: warnings and errors at their level, everything else at debug. There is
// one such log per process, which is set only once.
func redirectKlog(log *slog.Logger) {
	redirectOnce.Do(func() { klog.SetSlogLogger(slog.New(klogHandler{log.Handler()})) })
}

var redirectOnce sync.Once

// klogHandler lowers the level of records below warning to debug.
type klogHandler struct{ slog.Handler }

// Enabled implements slog.Handler.
func (l klogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, atMostDebug(level))
}

// Handle implements slog.Handler.
func (l klogHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = atMostDebug(r.Level)
	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l klogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return klogHandler{l.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (l klogHandler) WithGroup(name string) slog.Handler {
	return klogHandler{l.Handler.WithGroup(name)}
}

func atMostDebug(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return level
}
