package app

import (
	"context"
	"strings"

	"github.com/impulse-sh/impulse/internal/control/tracing"
)

// newTracing returns the export of traces, which is off unless an endpoint is configured.
func (p *process) newTracing(ctx context.Context) (*tracing.Tracing, error) {
	instance, _, _ := strings.Cut(p.self.Identity(), "/")
	return tracing.New(ctx, tracing.Options{
		Endpoint: p.options.OTLPEndpoint, Version: p.options.Version, Instance: instance, Registry: p.registry, Log: p.log,
	})
}
