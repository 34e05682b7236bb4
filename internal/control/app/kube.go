package app

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/impulse-sh/impulse/internal/kube/config"
)

// restConfig finds the cluster as kubectl does, or as a Pod in it.
func (o *Options) restConfig() (*rest.Config, error) {
	config, err := config.Config(config.Find(o.Kubeconfig, o.Context))
	if err != nil {
		return nil, err
	}
	// There is no rate limit on this side: it would delay a decision. The API server knows its own load.
	config.QPS = -1
	config.UserAgent = "impulse/" + o.Version
	return config, nil
}

// redirectKlog makes the Kubernetes libraries log with us: their errors as such, the rest for those who debug. They have one log
// for the whole process, which is set before anything of them runs, and once.
func redirectKlog(log *slog.Logger) {
	redirectOnce.Do(func() { klog.SetSlogLogger(slog.New(klogHandler{log.Handler()})) })
}

var redirectOnce sync.Once

// klogHandler lowers what is no warning to debug.
type klogHandler struct{ slog.Handler }

// Enabled reports whether a record is logged.
func (l klogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, lowered(level))
}

// Handle logs a record.
func (l klogHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = lowered(r.Level)
	return l.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler with attributes.
func (l klogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return klogHandler{l.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler with a group.
func (l klogHandler) WithGroup(name string) slog.Handler {
	return klogHandler{l.Handler.WithGroup(name)}
}

func lowered(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return level
}
