package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestLiveValues(t *testing.T) {
	t.Parallel()
	t.Run("explain and get show a value that no status has, through the API server", testCommandsShowValueThatNoStatusHas)
}

// behindService is Impulse behind the Service of the chart: at an address of this machine that the API server's proxy accepts, and with TLS.
type behindService struct {
	*env
	*impulse

	release, url, ca, tokens string
}

// newBehindService starts Impulse, and creates the Service, the ServiceAccount and the roles of the chart, and the Pod behind the Service.
func newBehindService(e *env) *behindService {
	e.t.Helper()
	b := &behindService{env: e, release: "impulse-" + e.Namespace}
	text, err := helm.Template(e.t, root, b.release, e.Namespace, "--set", "scope.namespace="+e.Namespace, "--set", "tls.existingSecret=certificate")
	if err != nil {
		e.t.Fatal(err)
	}
	documents := helm.Documents(text)
	for _, document := range append(documents["viewer.yaml"], documents["service.yaml"]...) {
		e.Apply(document)
	}
	ip := addressOfMachine(e.t)
	address := testkit.FreeAddressOf(e.t, ip)
	authority := testkit.NewAuthority(e.t)
	cert, key := authority.Issue(ip)
	dir := e.t.TempDir()
	files := map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": authority.PEM(), "tokens": "the-token-of-this-test"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			e.t.Fatal(err)
		}
	}
	b.url, b.ca, b.tokens = "https://"+address, filepath.Join(dir, "ca.crt"), filepath.Join(dir, "tokens")
	health := testkit.FreeAddress(e.t)
	b.impulse = e.impulse("--listen", address, "--health-listen", health, "--tokens-file", b.tokens,
		"--tls-cert-file", filepath.Join(dir, "tls.crt"), "--tls-key-file", filepath.Join(dir, "tls.key"))
	b.impulse.url = "http://" + health
	e.restart(b.impulse)
	b.createPod(address)
	return b
}

// createPod creates a Pod with the address of Impulse, and the EndpointSlice with it. No scheduler and no kubelet knows the Pod, and the control
// plane of the tests has no controller of EndpointSlices.
func (b *behindService) createPod(address string) {
	b.t.Helper()
	ip, port, _ := net.SplitHostPort(address)
	b.Apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: impulse, labels: {app.kubernetes.io/name: impulse}}
spec: {schedulerName: none, containers: [{name: impulse, image: impulse, ports: [{name: http, containerPort: %[1]s}]}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: impulse, labels: {kubernetes.io/service-name: %[2]s}}
addressType: IPv4
ports: [{name: http, port: %[1]s}]
endpoints: [{addresses: [%[3]s], conditions: {ready: true}, targetRef: {kind: Pod, name: impulse, namespace: %[4]s}}]
`, port, b.release, ip, b.Namespace))
	pods := b.Kube.CoreV1().Pods(b.Namespace)
	pod, err := pods.Get(b.t.Context(), "impulse", metav1.GetOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, ip, []corev1.PodIP{{IP: ip}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if _, err := pods.UpdateStatus(b.t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

// addressOfMachine returns an IPv4 address of this machine that is not on loopback: Kubernetes refuses others for Pods.
func addressOfMachine(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr().String()
		}
	}
	t.Fatal("this machine has no IPv4 address but those of loopback: the API server's proxy reaches no server on it")
	return ""
}

// push pushes a level to the trigger jobs of web, until it is recorded.
func (b *behindService) push(level string) {
	b.t.Helper()
	var out string
	b.until("the level "+level+" is recorded", func(ctx context.Context) (bool, error) {
		var err error
		out, err = process.Run(ctx, b.command, "send", "value", b.Namespace+"/web", "--trigger", "jobs", level, "--server", b.url, "--ca-file", b.ca, "--token-file", b.tokens)
		return err == nil, b.Err()
	}, func() string { return out })
}

// as runs a command as a user without any certificate or token of its own, until its output has a text and lacks another.
func (b *behindService) as(user, command, has, lacks string) {
	b.t.Helper()
	var out string
	b.until(fmt.Sprintf("impulse %s as %s shows %s", command, user, has), func(ctx context.Context) (bool, error) {
		got, _ := b.tool(ctx, append(strings.Fields(command), "--as", user, "--lease-namespace", b.Namespace)...)
		out = cmp.Or(got, out) // A command that was killed has no output.
		return strings.Contains(out, has) && (lacks == "" || !strings.Contains(out, lacks)), nil
	}, func() string { return out })
}

const pushed = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  triggers: [{type: push, name: jobs, metadata: {threshold: 10}}]
`

// readers are two users who may read the objects. Only operator has the role of the chart. %[1]s is the release.
const readers = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [impulse.sh], resources: [scaledobjects], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: operator}, {kind: User, name: author}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: live}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %[1]s-live}
subjects: [{kind: User, name: operator}]
`

func testCommandsShowValueThatNoStatusHas(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	b := newBehindService(e)
	e.Apply(fmt.Sprintf(readers, b.release))
	proxy := authorizationv1.ResourceAttributes{Verb: "get", Resource: "services", Subresource: "proxy", Name: "https:" + b.release + ":http", Namespace: e.Namespace}
	sandbox.AwaitAccess(t, e.Kube, "operator", proxy, true)
	e.Apply(pushed)
	e.condition("web", "AbleToScale", "True", "ReadyToScale")
	b.push("20")
	e.AwaitReplicas("web", 2)
	status := func() string {
		return e.mustKubectl("get", "so", "web", "-o", "jsonpath={.status.targets} {.status.replicas}")
	}
	e.until("the status has the level", func(context.Context) (bool, error) { return status() == "20/10 2", nil }, status)

	b.push("19.5") // Within the tolerance: the outcome is the same, and nothing is written.
	b.as("operator", "explain web", "19.5", "warning")
	b.as("operator", "get -o wide", "19.5/10", "warning")
	b.as("operator", "get web --live=always", "web", "warning")
	if got := status(); got != "20/10 2" {
		t.Errorf("the status has %s, want 20/10 2", got)
	}
	out, err := e.tool(t.Context(), "explain", "web", "-o", "json", "--lease-namespace", e.Namespace) // As an administrator with a client certificate.
	var explained struct{ Live bool }
	if err == nil {
		err = json.Unmarshal([]byte(out), &explained)
	}
	if err != nil || !explained.Live {
		t.Errorf("explain -o json: got %v, and\n%s, want that it is live", err, out)
	}

	const instead = "warning: this is the status, not the live values: "
	b.as("author", "explain web", instead+`user "author" lacks the right to list services in namespace `+e.Namespace, "19.5")
	b.as("author", "get -o wide", instead+`user "author" lacks the right`, "19.5")
	b.as("author", "explain web --live=never", "20", "warning")
	b.as("author", "explain web --live=always", "impulse: read the live values: user", "keeps")
	e.mustKubectl("delete", "serviceaccount", b.release+"-viewer")
	b.as("operator", "explain web", instead+"there is no ServiceAccount "+e.Namespace+"/"+b.release+"-viewer", "19.5")
}
