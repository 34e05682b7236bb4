package otel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// spans are those that the collector has exported.
type spans struct {
	mu  sync.Mutex
	all []span
}

// span is what the tests need of a span.
type span struct {
	name, id, parent, trace, service string
	attributes                       map[string]any
}

func (s *spans) add(_ context.Context, traces ptrace.Traces) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range traces.ResourceSpans().All() {
		service, _ := of.Resource().Attributes().Get("service.name")
		for _, scope := range of.ScopeSpans().All() {
			for _, one := range scope.Spans().All() {
				s.all = append(s.all, span{
					one.Name(), one.SpanID().String(), one.ParentSpanID().String(), one.TraceID().String(), service.AsString(), one.Attributes().AsRaw(),
				})
			}
		}
	}
	return nil
}

// paths returns the way to each span of a trace, as NAME/NAME, and the attributes of the last one.
func (s *spans) paths(trace string) map[string]map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	byID := map[string]span{}
	for _, one := range s.all {
		if one.trace == trace && one.service == "impulse" {
			byID[one.id] = one
		}
	}
	all := map[string]map[string]any{}
	for id, last := range byID {
		var path []string
		for one, ok := byID[id]; ok; one, ok = byID[one.parent] {
			path = append(path, one.name)
		}
		slices.Reverse(path)
		all[strings.Join(path, "/")] = last.attributes
	}
	return all
}

// startCollector runs a collector until the test ends. It receives OTLP at two addresses.
func startCollector(t *testing.T, overGRPC, overHTTP string) *spans {
	t.Helper()
	received := &spans{}
	config := map[string]any{
		"receivers": map[string]any{"otlp": map[string]any{"protocols": map[string]any{
			"grpc": map[string]any{"endpoint": overGRPC}, "http": map[string]any{"endpoint": overHTTP},
		}}},
		"exporters": map[string]any{"memory": nil},
		"service": map[string]any{
			"telemetry": map[string]any{"metrics": map[string]any{"level": "none"}},
			"pipelines": map[string]any{"traces": map[string]any{"receivers": []string{"otlp"}, "exporters": []string{"memory"}}},
		},
	}
	content, err := json.Marshal(config) // JSON is YAML.
	path := filepath.Join(t.TempDir(), "collector.yaml")
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otel", Version: "test"}, DisableGracefulShutdown: true,
		Factories: func() (otelcol.Factories, error) { return factories(received) },
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs: []string{path}, ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}, DefaultScheme: "file",
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		c.Shutdown()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the collector runs", func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the collector ended: %v", err)
		default:
		}
		return c.GetState() == otelcol.StateRunning
	})
	return received
}

// factories returns the parts of the collector: the receiver of OTLP, and an exporter to memory.
func factories(to *spans) (f otelcol.Factories, err error) {
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return f, fmt.Errorf("make the receivers: %w", err)
	}
	f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](exporter.NewFactory(
		component.MustNewType("memory"), func() component.Config { return &struct{}{} },
		exporter.WithTraces(func(ctx context.Context, s exporter.Settings, c component.Config) (exporter.Traces, error) {
			return exporterhelper.NewTraces(ctx, s, c, to.add)
		}, component.StabilityLevelStable)))
	f.Telemetry = otelconftelemetry.NewFactory()
	return f, err
}
