package sources

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// startPrometheusWithIdentity is a server that is asked with the identity of the process. It ignores the signature.
func startPrometheusWithIdentity(t *testing.T) source {
	t.Helper()
	programs := os.Getenv("IMPULSE_SANDBOX_BIN")
	if programs == "" {
		t.Skip("this test needs Prometheus: run `make bridge-test`, or set IMPULSE_SANDBOX_BIN")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", awsParameters["awsAccessKeyID"])
	t.Setenv("AWS_SECRET_ACCESS_KEY", awsParameters["awsSecretAccessKey"])
	config := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s := source{
		metadata: map[string]string{"serverAddress": "http://" + address, "threshold": "1", "awsRegion": region}, identity: &bridgeapi.PodIdentity{Provider: "aws"},
		stop: start(t, address, filepath.Join(programs, "prometheus"), "--config.file", config, "--storage.tsdb.path", t.TempDir(), "--web.listen-address", address),
	}
	s.set = func(_ context.Context, n int) error {
		s.metadata["query"] = fmt.Sprintf("vector(%d)", n)
		return nil
	}
	return s
}
