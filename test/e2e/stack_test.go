package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/control/alertlist"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestPrometheusStack(t *testing.T) {
	t.Parallel()
	t.Run("the AlertmanagerConfig of the page scales the workload of the page", testAlertmanagerConfigOfPageScalesItsWorkload)
}

const (
	stackPage = "docs/kube-prometheus-stack.md"
	// stackToken is the token in the namespace of the workload.
	stackToken = "0123456789abcdef"
)

// pageObject returns the object of a kind on the page, with other URLs.
func pageObject(t *testing.T, kind string, urls ...string) string {
	t.Helper()
	for _, block := range testkit.Fenced(t, filepath.Join(root, stackPage), "yaml") {
		if strings.Contains(block, "\nkind: "+kind+"\n") {
			return strings.NewReplacer(urls...).Replace(block)
		}
	}
	t.Fatalf("%s has no %s", stackPage, kind)
	return ""
}

// stack is the Alertmanager of the stack, with the name and the selectors that it has by default.
const stack = `
apiVersion: v1
kind: Secret
metadata: {name: impulse-token, namespace: shop}
stringData: {token: %s}
---
apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata: {name: kube-prometheus-stack-alertmanager, namespace: monitoring}
spec:
  replicas: 1
  version: v0.31.1
  configSecret: alertmanager-kube-prometheus-stack-alertmanager
  alertmanagerConfigSelector: {}
  alertmanagerConfigNamespaceSelector: {}
`

// startOperator runs the Prometheus Operator in a control plane.
func (e *env) startOperator() *process.Process {
	e.t.Helper()
	tool, err := testkit.GoTool(e.t.Context(), "operators", filepath.Join(root, "test/chart/operators"), "operator")
	if err != nil {
		e.t.Fatal(err)
	}
	return e.spawn("operator", "env", "KUBECONFIG="+e.Kubeconfig, tool, "--web.listen-address", testkit.FreeAddress(e.t))
}

// operated returns the configuration that the operator writes for the Alertmanager of the stack once it has a receiver.
func (e *env) operated(operator *process.Process, receiver string) string {
	e.t.Helper()
	var text []byte
	e.until("the operator writes the configuration with "+receiver, func(ctx context.Context) (bool, error) {
		secret, err := e.Kube.CoreV1().Secrets("monitoring").Get(ctx, "alertmanager-kube-prometheus-stack-alertmanager-generated", metav1.GetOptions{})
		if err != nil {
			return false, operator.Err() // It is not written yet.
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(secret.Data["alertmanager.yaml.gz"]))
		if err != nil {
			return false, err
		}
		text, err = io.ReadAll(unzipped)
		return strings.Contains(string(text), "receiver: "+receiver), err
	}, func() string { return string(text) + operator.LogTail(logTail) })
	return string(text)
}

// recorded waits until only one alert is recorded, and fires.
func (e *env) recorded(name string) {
	e.t.Helper()
	var out string
	e.until(name+" is recorded", func(ctx context.Context) (bool, error) {
		var (
			all []alertlist.Alert
			err error
		)
		if out, err = e.tool(ctx, "alerts", "--lease-namespace", e.Namespace, "-o", "json"); err != nil {
			return false, nil //nolint:nilerr // The API server is busy.
		}
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			return false, err
		}
		return len(all) == 1 && all[0].Labels["alertname"] == name && all[0].State == "firing", nil
	}, func() string { return out })
}

// received are the alerts that were delivered, in the metrics.
var received = regexp.MustCompile(`impulse_alerts_received_total\{result="(changed|repeated)"\} [1-9]`)

// delivered reports whether Impulse has received an alert.
func delivered(ctx context.Context, i *impulse) bool {
	code, metrics := testkit.Request(ctx, http.MethodGet, i.url+"/metrics", stackToken, nil)
	return code == http.StatusOK && received.MatchString(metrics)
}

// fire sends a firing alert to an Alertmanager, as the Prometheus of the stack does.
func (e *env) fire(alertmanager string, labels map[string]string) {
	e.t.Helper()
	body, err := json.Marshal([]any{map[string]any{"labels": labels}})
	if err != nil {
		e.t.Fatal(err)
	}
	if code := post(e.t.Context(), alertmanager+"/api/v2/alerts", body); code != http.StatusOK {
		e.t.Fatalf("Alertmanager responded %d", code)
	}
}

func testAlertmanagerConfigOfPageScalesItsWorkload(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	plane := sandbox.NewControlPlane(t)
	plane.ApplyCRDs(helm.Definitions(t, root))
	plane.ApplyCRDs(filepath.Join(root, "deploy/crds"))
	e := envOf(t, sandbox.Connect(t, plane.Kubeconfig, "shop"))
	for _, name := range []string{"monitoring", "shop"} {
		e.mustKubectl("create", "namespace", name)
	}
	e.mustKubectl("-n", "monitoring", "create", "secret", "generic", "alertmanager-kube-prometheus-stack-alertmanager", "--from-file=alertmanager.yaml=testdata/kube-prometheus-stack.yaml")
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("shop="+stackToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := e.impulse("--tokens-file", tokens)
	e.Apply(fmt.Sprintf(stack, stackToken))
	e.Apply(pageObject(t, "AlertmanagerConfig", "http://impulse.impulse-system", i.url))
	am := e.alertmanagerAs("", e.operated(e.startOperator(), "shop/impulse/impulse"))

	e.ApplyDeployment("checkout", 2)
	e.Apply(pageObject(t, "ScaledObject", "http://kube-prometheus-stack-alertmanager.monitoring:9093", am,
		"http://kube-prometheus-stack-prometheus.monitoring:9090", "http://"+testkit.FreeAddress(t)))
	e.restart(i)
	e.fire(am, map[string]string{"alertname": "CheckoutSlow", "severity": "scale"}) // It has no namespace, and takes no route to Impulse.
	e.fire(am, map[string]string{"alertname": "CheckoutSlow", "severity": "scale", "namespace": "shop"})
	e.until("Alertmanager delivers the alert", func(ctx context.Context) (bool, error) { return delivered(ctx, i), i.Err() }, func() string { return i.LogTail(logTail) })
	e.recorded("CheckoutSlow")
	e.AwaitReplicas("checkout", 3)

	// While Alertmanager does not reach Impulse, Impulse asks it for the alerts of this receiver.
	i.Stop()
	e.mustKubectl("delete", "alertsets", "--all")
	elsewhere := e.run("--tokens-file", tokens)
	e.recorded("CheckoutSlow")
	if n := e.count(t.Context(), "checkout"); n != 3 || delivered(t.Context(), elsewhere) {
		t.Errorf("checkout has %d replicas, want 3 by a query of Alertmanager alone", n)
	}
}
