package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	t.Run("the chart grants the needed permissions and no more, for the whole cluster", testChartGrantsNeededPermissionsForWholeCluster)
	t.Run("the chart grants the needed permissions and no more, for one namespace", testChartGrantsNeededPermissionsForOneNamespace)
}

// everyRight is a workload of each kind, all of which follow one alert, and triggers and authentications that need every other permission of
// the chart. %[1]s is the namespace of the test, and %[2]s that of the release.
const everyRight = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: set}
spec: &workload
  replicas: 1
  selector: {matchLabels: {app: set}}
  template: {metadata: {labels: {app: set}}, spec: {serviceAccountName: orders, containers: [{name: app, image: app, env: [{name: URL, value: 'http://192.0.2.1:9090'}]}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stateful}
spec: {replicas: 1, serviceName: none, selector: {matchLabels: {app: stateful}}, template: {metadata: {labels: {app: stateful}}, spec: {containers: [{name: app, image: app}]}}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: controller}
spec: {replicas: 1, selector: {app: controller}, template: {metadata: {labels: {app: controller}}, spec: {containers: [{name: app, image: app}]}}}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: secret}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: names}
data: {username: impulse}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: orders, annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/orders"}}
---
apiVersion: v1
kind: Secret
metadata: {name: shared, namespace: %[2]s}
stringData: {token: secret}
---
apiVersion: impulse.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: objects}
spec:
  secretTargetRef: [{parameter: password, name: login, key: password}]
  configMapTargetRef: [{parameter: username, name: names, key: username}]
---
apiVersion: impulse.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: token}
spec: {boundServiceAccountToken: [{parameter: bearerToken, serviceAccountName: reader, audience: thanos}]}
---
apiVersion: impulse.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: cloud}
spec: {podIdentity: {provider: aws, identityOwner: workload}}
---
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: sources}
spec:
  scaleTargetRef: {name: sources}
  minReplicaCount: 1
  pollingInterval: 1
  triggers:
  - {type: cpu, metadata: {value: 50}, metricType: Utilization}
  - {type: kubernetes-workload, metadata: {podSelector: app=set, value: 1}}
  - {type: kubernetes-object, metadata: {metricName: hits, objectKind: Service, objectName: web, value: 1}}
  - {type: kubernetes-pods, metadata: {metricName: hits, value: 1}}
  - {type: kubernetes-external, metadata: {metricName: orders, value: 1}}
  - {type: metrics-api, name: pods, metadata: {url: 'http://orders.%[1]s/stats', valueLocation: waiting, targetValue: 10, aggregateFromKubeServiceEndpoints: true}}
  - {type: prometheus, name: objects, metadata: {serverAddress: 'http://192.0.2.1:9090', query: up, threshold: 1, authModes: basic}, authenticationRef: {name: objects}}
  - {type: prometheus, name: token, metadata: {serverAddress: 'http://192.0.2.1:9090', query: up, threshold: 1, authModes: bearer}, authenticationRef: {name: token}}
  - {type: aws-sqs-queue, name: cloud, metadata: {queueURL: 'https://sqs.eu-west-1.amazonaws.com/1/orders', queueLength: 1, awsRegion: eu-west-1}, authenticationRef: {name: cloud}}
`

// forCluster needs the permissions that only a ClusterRole can grant.
const forCluster = `
apiVersion: impulse.sh/v1alpha1
kind: ClusterTriggerAuthentication
metadata: {name: %[1]s}
spec:
  secretTargetRef: [{parameter: bearerToken, name: shared, key: token}]
  allowedNamespaces: [%[1]s]
---
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: shared}
spec:
  scaleTargetRef: {name: shared}
  minReplicaCount: 1
  pollingInterval: 1
  triggers:
  - type: prometheus
    metadata: {serverAddress: 'http://192.0.2.1:9090', query: up, threshold: 1, authModes: bearer}
    authenticationRef: {kind: ClusterTriggerAuthentication, name: %[1]s}
`

// rights are the values that allow what everyRight needs.
func rights(namespace string) []string {
	var args []string
	for _, value := range []string{
		"kedaBridge.enabled=true",
		"rbac.targets={deployments.apps,replicasets.apps,statefulsets.apps,replicationcontrollers,fleets.behaviour.example}",
		"rbac.customMetrics={services/hits,pods/hits}", "rbac.externalMetrics={orders}",
		"rbac.credentials." + namespace + ".secrets={login}", "rbac.credentials." + namespace + ".configMaps={names}",
		"rbac.credentials." + namespace + ".serviceAccounts={orders}", "rbac.credentials." + namespace + ".serviceAccountTokens={reader}",
	} {
		args = append(args, "--set", value)
	}
	return args
}

func testChartGrantsNeededPermissionsForWholeCluster(t *testing.T) {
	t.Parallel()
	acquireSlot(t) // In the shared control plane it would scale the workloads of all tests.
	plane := sandbox.NewControlPlane(t, "controller-manager", "scheduler", "kwok", "prometheus", "metrics-adapter")
	plane.ApplyCRDs(root + "/deploy/crds")
	e := envOf(t, plane.NewEnv())
	r := newRelease(e, e.createNamespace(), append(rights(e.Namespace), "--set", "admission.enabled=true", "--set", "rbac.credentials.impulse-system.secrets={shared}")...)
	r.exercise(forCluster)
	// A custom resource whose definition cannot be read has its scale read instead.
	r.expect([]string{"get fleets/scale.behaviour.example /"}, nil)
}

func testChartGrantsNeededPermissionsForOneNamespace(t *testing.T) {
	e := newEnv(t)
	r := newRelease(e, sandbox.Namespace(t, e.Config), append(rights(e.Namespace), "--set", "scope.namespace="+e.Namespace)...)
	if slices.ContainsFunc(r.documents["rbac.yaml"], func(document string) bool { return strings.Contains(document, "kind: Cluster") }) {
		t.Error("the chart creates a ClusterRole for one namespace")
	}
	r.exercise("")
	r.expect(nil, []string{"get customresourcedefinitions.apiextensions.k8s.io /fleets.behaviour.example"})
}

// exercise runs Impulse with the permissions of the release, and makes it do everything that they are for.
func (r *release) exercise(more string) {
	r.t.Helper()
	r.applyFleets()
	r.applyFleet("fleet")
	for _, name := range []string{"web", "sources", "shared"} {
		r.ApplyDeployment(name, 1)
	}
	r.mustKubectl("patch", "deployment", "sources", "--patch",
		`{"spec":{"template":{"spec":{"serviceAccountName":"orders","containers":[{"name":"app","resources":{"requests":{"cpu":"100m"}}}]}}}}`)
	r.Apply(fmt.Sprintf(everyRight, r.Namespace, r.system))
	if more != "" {
		r.Apply(fmt.Sprintf(more, r.Namespace))
	}
	r.Apply(withRestore(onAlert("web")))
	for name, target := range map[string]string{
		"set": "apiVersion: apps/v1, kind: ReplicaSet", "stateful": "apiVersion: apps/v1, kind: StatefulSet",
		"controller": "apiVersion: v1, kind: ReplicationController", "fleet": "apiVersion: behaviour.example/v1, kind: Fleet",
	} {
		object := strings.ReplaceAll(onAlert("web"), "metadata: {name: web}", "metadata: {name: "+name+"}")
		r.Apply(strings.ReplaceAll(object, "scaleTargetRef: {name: web}", "scaleTargetRef: {"+target+", name: "+name+"}"))
	}

	r.audit = newAudit(r.t, r.Config)
	p := r.podOf(&r.deployment, r.audit.kubeconfig(r.token()))
	r.condition("web", "Ready", "True", "Ready")
	for range 2 { // The second time, the same Events are repeated.
		p.alert("web")
		r.AwaitReplicas("web", 5)
		r.awaitScale(fleets, "fleet", 5)
		p.alert("web", "--resolve")
		r.AwaitReplicas("web", 1)
		r.changeAlertSets()
	}
	p.alert("web")
	r.AwaitReplicas("web", 5)
	r.delete("web")
	r.awaitGone("web")
	r.AwaitReplicas("web", 1)
	for name, resource := range map[string]string{"set": "replicaset", "stateful": "statefulset", "controller": "replicationcontroller"} {
		if n := r.mustKubectl("get", resource, name, "-o", "jsonpath={.spec.replicas}"); n != "5" {
			r.t.Errorf("%s %s has %s replicas, want 5", resource, name, n)
		}
	}
	if p.admission != "" {
		r.review(p)
	}
	r.log = func() string { return p.LogTail(logTail) }
}

// review makes the API server ask Impulse about an object, at its address in place of that of its Service, whose Pods are none of this machine.
func (r *release) review(p *pod) {
	r.t.Helper()
	hooks := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	url := "https://" + p.admission + "/v1/admission"
	patch := fmt.Sprintf(`[{"op":"replace","path":"/webhooks/0/clientConfig/service","value":null},{"op":"add","path":"/webhooks/0/clientConfig/url","value":%q}]`, url)
	if _, err := hooks.Patch(r.t.Context(), r.name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		r.t.Fatal(err)
	}
	usage := strings.Replace(onAlert("web"), "- type: alertmanager\n    metadata: {matchers: '{alertname=\"web\"}', replicas: 5}", "- {type: cpu, metadata: {value: 60}}", 1)
	var out string
	r.until("a review finds that the pods request no cpu", func(ctx context.Context) (bool, error) {
		out, _ = r.Kubectl(ctx, usage, "apply", "--dry-run=server", "-f", "-")
		return strings.Contains(out, "of Deployment web has none"), nil
	}, func() string { return out + "\n" + p.LogTail(logTail) })
}

// changeAlertSets changes the recorded alerts, as somebody might with kubectl: Impulse then reads them again before its next write.
func (r *release) changeAlertSets() {
	r.t.Helper()
	sets := r.Dynamic.Resource(scaledObjects.GroupVersion().WithResource("alertsets")).Namespace(r.system)
	all, err := sets.List(r.t.Context(), metav1.ListOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range all.Items {
		patch := []byte(`{"metadata":{"annotations":{"example.com/edited":"` + all.Items[i].GetResourceVersion() + `"}}}`)
		if _, err := sets.Patch(r.t.Context(), all.Items[i].GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// expect waits until every grant was needed, except for some, and fails the test when any other call than those listed was forbidden.
func (r *release) expect(unneeded, forbidden []string) {
	r.t.Helper()
	// An Event is patched if an equal one comes after more than a minute, which is more time than this test may need.
	late := func(permission string) bool { return strings.HasPrefix(permission, "patch events. ") }
	r.until("every permission is needed", func(context.Context) (bool, error) {
		return slices.Equal(slices.DeleteFunc(r.audit.unused(r.grants), late), unneeded), nil
	}, func() string {
		return fmt.Sprintf("not needed:\n%s\nforbidden:\n%s\n%s", strings.Join(r.audit.unused(r.grants), "\n"), strings.Join(r.audit.refused(), "\n"), r.log())
	})
	if got := r.audit.refused(); !slices.Equal(got, forbidden) {
		r.t.Errorf("these calls were forbidden:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(forbidden, "\n"))
	}
}

// serviceAccount writes a kubeconfig with the permissions of the ServiceAccount in deploy/manifests.
func (e *env) serviceAccount() string {
	e.t.Helper()
	token, err := e.Kubectl(e.t.Context(), "", "create", "token", "impulse", "-n", "impulse-system")
	if err != nil {
		e.t.Fatal(err, token)
	}
	return e.withToken(strings.TrimSpace(token))
}

// withToken returns a kubeconfig with a token.
func (e *env) withToken(token string) string {
	e.t.Helper()
	config := filepath.Join(e.t.TempDir(), "kubeconfig")
	content, err := os.ReadFile(e.Kubeconfig)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(config, content, 0o600); err != nil {
		e.t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "set-credentials", "impulse", "--token", token},
		{"config", "set-context", "--current", "--user", "impulse"},
	} {
		if out, err := process.Run(e.t.Context(), sandbox.Binary(e.t, "kubectl"), append([]string{"--kubeconfig", config}, args...)...); err != nil {
			e.t.Fatal(fmt.Sprint(args), err, out)
		}
	}
	return config
}
