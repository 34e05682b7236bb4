package e2e

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestChart(t *testing.T) {
	t.Parallel()
	t.Run("an upgrade, a rollback and an uninstallation lose nothing", testUpgradeRollbackAndUninstallationLoseNothing)
	t.Run("impulse uninstall removes a release", testImpulseUninstallRemovesRelease)
	t.Run("Helm takes over what kubectl apply -k created", testHelmTakesOverWhatKubectlCreated)
	t.Run("without permissions an installation fails and names what is missing", testWithoutPermissionsInstallationFailsAndNamesWhatIsMissing)
	t.Run("missing and older definitions are reported at the start", testMissingAndOlderDefinitionsAreReportedAtStart)
}

// installed is a release of the chart in the control plane of a test, and Impulse as its Deployment runs it.
type installed struct {
	*env

	pod *pod
}

// runHelm runs helm with the kubeconfig of the test.
func (e *env) runHelm(args ...string) (string, error) {
	e.t.Helper()
	return helm.Run(e.t, root, append(args, "--kubeconfig", e.Kubeconfig)...)
}

// mustHelm runs helm for the release impulse in impulse-system, and fails the test when helm fails.
func (e *env) mustHelm(command string, args ...string) string {
	e.t.Helper()
	out, err := e.runHelm(append([]string{command, "impulse", "--namespace", "impulse-system"}, args...)...)
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

// deployed returns the Deployment of the release.
func (e *env) deployed() *appsv1.Deployment {
	e.t.Helper()
	d, err := e.Kube.AppsV1().Deployments("impulse-system").Get(e.t.Context(), "impulse", metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return d
}

// awaitDefinitions waits until the API server serves the kinds of the chart.
func (e *env) awaitDefinitions() {
	e.t.Helper()
	e.mustKubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "../../deploy/crds")
	e.until("our kinds are served", func(ctx context.Context) (bool, error) {
		_, err := e.Kubectl(ctx, "", "get", "--all-namespaces", "scaledobjects,alertsets,triggerauthentications,clustertriggerauthentications")
		return err == nil, nil
	}, func() string { return "" })
}

// installChart installs the release, runs Impulse as its Deployment says, and scales web from 1 to 5 by an alert.
func installChart(t *testing.T, e *env) *installed {
	t.Helper()
	e.mustHelm("install", helm.Chart, "--create-namespace")
	e.awaitDefinitions()
	i := &installed{env: e, pod: e.podOf(e.deployed(), e.serviceAccount())}
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i.condition("web", "Ready", "True", "Ready")
	i.pod.alert("web")
	i.AwaitReplicas("web", 5)
	return i
}

// replace ends Impulse and starts it as the Deployment says now.
func (i *installed) replace() {
	i.t.Helper()
	i.pod.Kill()
	i.pod = i.podOf(i.deployed(), i.serviceAccount())
	i.condition("web", "Ready", "True", "Ready")
}

// tokensOf returns the content of the Secret of the tokens.
func (e *env) tokensOf() string {
	e.t.Helper()
	secret, err := e.Kube.CoreV1().Secrets("impulse-system").Get(e.t.Context(), "impulse-tokens", metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	if secret.Data["tokens"] == nil || strings.TrimSpace(string(secret.Data["tokens"])) == "" || len(secret.Data["token"]) != 48 {
		e.t.Errorf("the Secret of the tokens has the keys %v, want tokens and token", secret.Data)
	}
	return string(secret.Data["tokens"])
}

func testUpgradeRollbackAndUninstallationLoseNothing(t *testing.T) {
	e := ownPlane(t)
	i := installChart(t, e)
	before, first := e.object("web"), e.tokensOf()
	definition := e.mustKubectl("get", "crd", "scaledobjects.impulse.sh", "-o", "jsonpath={.metadata.uid}")
	hold := e.ExpectReplicas("web", 5)

	e.mustHelm("upgrade", helm.Chart, "--set", "replicas=3", "--set", "logLevel=debug", "--set", "tls.generated.enabled=true")
	if d := e.deployed(); *d.Spec.Replicas != 3 || !strings.Contains(strings.Join(d.Spec.Template.Spec.Containers[0].Args, " "), "--tls-cert-file") {
		t.Errorf("after the upgrade the Deployment has %d replicas and the arguments %q", *d.Spec.Replicas, d.Spec.Template.Spec.Containers[0].Args)
	}
	if tokens := e.tokensOf(); tokens != first {
		t.Error("the upgrade has changed the token")
	}
	rotated := "a-second-token\n" + first
	e.mustKubectl("-n", "impulse-system", "patch", "secret", "impulse-tokens", "--type=merge", "--patch", `{"stringData":{"tokens":"`+strings.ReplaceAll(rotated, "\n", `\n`)+`"}}`)

	e.mustHelm("upgrade", helm.Chart, "--set", "crds.install=false")
	i.replace()
	e.mustHelm("rollback", "1")
	i.replace()
	if d := e.deployed(); *d.Spec.Replicas != 2 {
		t.Errorf("after the rollback the Deployment has %d replicas, want 2", *d.Spec.Replicas)
	}
	if tokens := e.tokensOf(); tokens != rotated {
		t.Error("the rollback has changed the tokens")
	}
	e.expectUnchanged(before)
	i.expectAlert()

	i.pod.Kill()
	e.mustHelm("uninstall")
	e.expectUnchanged(before)
	if uid := e.mustKubectl("get", "crd", "scaledobjects.impulse.sh", "-o", "jsonpath={.metadata.uid}"); uid != definition {
		t.Error("the CustomResourceDefinition is another one")
	}
	e.expectLeft()
	e.mustHelm("install", helm.Chart)
	i.replace()
	i.expectAlert()
	hold()
	if tokens := e.tokensOf(); tokens != rotated {
		t.Error("a new release has other tokens")
	}
	i.pod.alert("web", "--resolve")
	i.AwaitReplicas("web", 1)
}

// expectAlert fails the test when the alert is not recorded any more.
func (i *installed) expectAlert() {
	i.t.Helper()
	out, err := i.tool(i.t.Context(), "alerts", "-o", "wide")
	if err != nil || !strings.Contains(out, i.Namespace+"/web") {
		i.t.Errorf("the recorded alerts: %v\n%s", err, out)
	}
}

// expectLeft fails the test when helm uninstall leaves other objects than its page lists.
func (e *env) expectLeft() {
	e.t.Helper()
	e.until("what belongs to the release is gone", func(ctx context.Context) (bool, error) {
		out, err := e.Kubectl(ctx, "", "get", "-n", "impulse-system", "deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies,secrets,leases,alertsets", "-o", "name")
		var left []string
		for line := range strings.Lines(out) {
			if name := strings.TrimSpace(line); name != "serviceaccount/default" && !strings.Contains(name, "alertset") {
				left = append(left, name)
			}
		}
		return strings.Join(left, " ") == "secret/impulse-generated-tls secret/impulse-tokens lease.coordination.k8s.io/impulse", err
	}, func() string {
		return e.mustKubectl("get", "-n", "impulse-system", "all,secrets,leases,roles,alertsets", "-o", "name")
	})
	for _, object := range []string{"clusterrole/impulse", "clusterrolebinding/impulse", "flowschema/impulse-leader-election"} {
		if out := e.mustKubectl("get", object, "--ignore-not-found", "-o", "name"); out != "" {
			e.t.Errorf("%s still exists", object)
		}
	}
}

func testImpulseUninstallRemovesRelease(t *testing.T) {
	e := ownPlane(t)
	installChart(t, e)
	e.mustHelm("upgrade", helm.Chart, "--set", "watchKeda=true", "--set", "rbac.customMetrics={*}", "--set", "rbac.credentials."+e.Namespace+".secrets={login}")
	e.mustKubectl("create", "namespace", "theirs") // With a release of its own.
	e.mustKubectl("-n", "theirs", "create", "role", "impulse-credentials", "--verb=list", "--resource=secrets")
	e.mustKubectl("-n", "theirs", "create", "rolebinding", "impulse-credentials", "--role=impulse-credentials", "--serviceaccount=theirs:impulse")
	if out, err := e.uninstall(t.Context()); err != nil {
		t.Fatal(err, out)
	}
	out := e.mustKubectl("get", "clusterroles,clusterrolebindings,flowschemas,crds,namespaces", "-o", "name")
	for line := range strings.Lines(out) {
		if strings.Contains(line, "impulse") {
			t.Errorf("%s still exists", strings.TrimSpace(line))
		}
	}
	left := e.mustKubectl("get", "roles,rolebindings", "--all-namespaces", "--field-selector=metadata.name=impulse-credentials", "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.kind} {end}")
	if left != "theirs/Role theirs/RoleBinding " {
		t.Errorf("the Roles and RoleBindings impulse-credentials are %q, want those of the other release only", left)
	}
	if list, err := e.runHelm("list", "--all-namespaces", "--short"); err != nil || strings.TrimSpace(list) != "" {
		t.Errorf("helm lists %q, %v", list, err)
	}
	if n := e.count(t.Context(), "web"); n != 5 {
		t.Errorf("web has %d replicas, want 5", n)
	}
}

func testHelmTakesOverWhatKubectlCreated(t *testing.T) {
	e := ownPlane(t)
	e.manifests("apply")
	e.mustKubectl("-n", "impulse-system", "create", "secret", "generic", "impulse-tokens", "--from-literal=tokens=their-own-token")
	e.mustHelm("install", helm.Chart, "--take-ownership", "--force-conflicts")
	tokens := e.mustKubectl("-n", "impulse-system", "get", "secret", "impulse-tokens", "-o", "jsonpath={.data}")
	if tokens != `{"tokens":"dGhlaXItb3duLXRva2Vu"}` {
		t.Errorf("the Secret of the tokens has %s, want it unchanged", tokens)
	}
	if selector := e.deployed().Spec.Selector.MatchLabels; len(selector) != 1 {
		t.Errorf("the selector is %v, want that of deploy/manifests, because it cannot be changed", selector)
	}
}

func testWithoutPermissionsInstallationFailsAndNamesWhatIsMissing(t *testing.T) {
	e := ownPlane(t)
	e.mustKubectl("create", "role", "everything-here", "--verb=*", "--resource=*.*")
	e.mustKubectl("create", "rolebinding", "everything-here", "--role=everything-here", "--user=ada")
	ada := func(args ...string) (string, error) {
		return e.runHelm(append([]string{"install", "impulse", helm.Chart, "--namespace", e.Namespace, "--kube-as-user", "ada", "--kube-as-group", "system:authenticated"}, args...)...)
	}
	if out, err := ada(); err == nil || !strings.Contains(err.Error(), `forbidden: User "ada" cannot`) || !strings.Contains(err.Error(), "at the cluster scope") {
		t.Errorf("an installation for the whole cluster without its permissions: %v\n%s", err, out)
	}
	if out := e.mustKubectl("get", "deployments", "-o", "name"); out != "" {
		t.Errorf("the failed installation has left %s", out)
	}
	e.mustKubectl("apply", "--server-side", "-k", "../../deploy/crds")
	if out, err := ada("--set", "scope.namespace="+e.Namespace, "--set", "crds.install=false", "--set", "flowSchema.create=false"); err != nil {
		t.Errorf("an installation for one namespace with all permissions in it: %v\n%s", err, out)
	}
}

func testMissingAndOlderDefinitionsAreReportedAtStart(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	e := envOf(t, sandbox.NewControlPlane(t).NewEnv())
	i := e.impulse()
	i.Process = e.spawn("impulse", e.command, i.args...)
	e.awaitLog(i, "a CustomResourceDefinition is missing", "scaledobjects.impulse.sh", "alertsets.impulse.sh", "triggerauthentications.impulse.sh", "apply deploy/crds")
	e.define(firstCRDs)
	e.ready(i) // Without a restart.
	i.Kill()
	e.restart(i)
	e.awaitLog(i, "is older than this version", "spec.dryRun", "spec.shadow", "alerts.level", "apply deploy/crds")
}

// awaitLog waits until the log of Impulse has all texts.
func (e *env) awaitLog(i *impulse, texts ...string) {
	e.t.Helper()
	e.until(strings.Join(texts, ", ")+" in the log", func(context.Context) (bool, error) {
		log := i.LogTail(logTail)
		for _, text := range texts {
			if !strings.Contains(log, text) {
				return false, i.Err()
			}
		}
		return true, nil
	}, func() string { return i.LogTail(logTail) })
}
