package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestGet(t *testing.T) {
	t.Run("objects are listed in each format", testObjectsAreListedInEachFormat)
	t.Run("a missing object is reported beside the others", testMissingObjectIsReportedBesideOthers)
	t.Run("an object that changes is printed again", testObjectThatChangesIsPrintedAgain)
	t.Run("a status without a leader is reported as an old one", testStatusWithoutLeaderIsReportedAsOldOne)
	t.Run("objects of file mode are listed", testObjectsOfFileModeAreListed)
	t.Run("names and namespaces are completed from the cluster", testNamesAndNamespacesAreCompletedFromCluster)
	t.Run("each mistake is one sentence", testEachMistakeIsOneSentence)
}

// object is a ScaledObject that nothing scales.
func object(name string) string {
	return "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: " + name + ", labels: {app: " + name + "}}\nspec:\n  scaleTargetRef: {name: " + name + "}\n" +
		"  minReplicaCount: 1\n  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: \"3\"}}]\n"
}

// onCluster returns a namespace of a real API server with objects, and a function that runs a command line in it.
func onCluster(t *testing.T, names ...string) (e *sandbox.Env, run func(args ...string) (code int, out, errs string)) {
	t.Helper()
	e = sandbox.NewEnv(t)
	sandbox.ApplyCRDs(t, "../../deploy/crds")
	for _, name := range names {
		e.Apply(object(name))
	}
	return e, func(args ...string) (int, string, string) {
		t.Helper()
		return impulse(t, "", append(args, "--kubeconfig", e.Kubeconfig)...)
	}
}

// setStatus merges a status into that of an object.
func setStatus(t *testing.T, e *sandbox.Env, name, status string) {
	t.Helper()
	if out, err := e.Kubectl(t.Context(), "", "patch", "so", name, "--subresource=status", "--type=merge", "-p", `{"status": `+status+`}`); err != nil {
		t.Fatal(err, out)
	}
}

const decided = `{"observedGeneration": 1, "replicas": 3, "desiredReplicas": 3, "reason": "AsRecommended", "conditions": [
	{"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
	{"type": "Active", "status": "True", "reason": "TriggerActive", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}`

// fieldsOf returns the cells of a line.
func fieldsOf(line string) string { return strings.Join(strings.Fields(line), " ") }

func testObjectsAreListedInEachFormat(t *testing.T) {
	e, run := onCluster(t, "web", "api")
	setStatus(t, e, "web", decided)
	ns := []string{"-n", e.Namespace, "--lease-namespace", e.Namespace} // Other tests may run a release in the usual one.
	code, out, errs := run(append([]string{"get"}, ns...)...)
	lines := strings.Split(out, "\n")
	instead := "warning: this is the status, not the live values: there is no Service of Impulse in namespace " + e.Namespace + " (--lease-namespace names another)\n"
	if code != 0 || errs != instead || len(lines) != 4 || fieldsOf(lines[0]) != "NAME TARGET CURRENT DESIRED MIN MAX HELD BY TRIGGERS AGE" ||
		!strings.HasPrefix(fieldsOf(lines[1]), "api Deployment/api - - 1 100 NotObserved - ") || !strings.HasPrefix(fieldsOf(lines[2]), "web Deployment/web 3 3 1 100 - active ") {
		t.Errorf("text: got exit code %d, %s\n%s", code, errs, out)
	}
	if code, _, errs := run(append([]string{"get", "--live=never"}, ns...)...); code != 0 || errs != "" {
		t.Errorf("without live values: got exit code %d, %s", code, errs)
	}
	if code, out, errs := run(append([]string{"get", "--live=always"}, ns...)...); code != 2 || out != "" || !strings.HasPrefix(errs, "impulse: read the live values: there is no Service of Impulse") {
		t.Errorf("with live values only: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, _ := run("get", e.Namespace+"/web", "-o", "wide"); code != 0 || !strings.Contains(out, "PAUSED UNTIL") || strings.Contains(out, "NAMESPACE") {
		t.Errorf("wide: got exit code %d\n%s", code, out)
	}
	if code, out, _ := run("get", "-A", "-l", "app=web"); code != 0 || !strings.HasPrefix(out, "NAMESPACE ") || !strings.Contains(out, "\n"+e.Namespace+" ") {
		t.Errorf("all namespaces: got exit code %d\n%s", code, out)
	}
	if code, out, errs := run(append([]string{"get", "-o", "name"}, ns...)...); code != 0 || errs != "" || out != "scaledobject.impulse.sh/api\nscaledobject.impulse.sh/web\n" {
		t.Errorf("names: got exit code %d\n%s", code, out)
	}
	var one v1alpha1.ScaledObject
	_, out, _ = run(append([]string{"get", "web", "-o", "json"}, ns...)...)
	if err := json.Unmarshal([]byte(out), &one); err != nil || one.Kind != "ScaledObject" || one.Name != "web" || *one.Status.Replicas != 3 || one.ManagedFields != nil {
		t.Errorf("JSON of one: %v\n%s", err, out)
	}
	var several v1alpha1.ScaledObjectList
	_, out, _ = run(append([]string{"get", "-o", "yaml"}, ns...)...)
	if err := yaml.Unmarshal([]byte(out), &several); err != nil || several.Kind != "List" || len(several.Items) != 2 || several.Items[0].APIVersion != "impulse.sh/v1alpha1" {
		t.Errorf("YAML of all: %v\n%s", err, out)
	}
	if code, out, errs := run(append([]string{"get", "-l", "app=gone"}, ns...)...); code != 0 || out != "" || errs != "no ScaledObject with the labels app=gone in namespace "+e.Namespace+"\n" {
		t.Errorf("none: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := run(append([]string{"get", "-l", "app=gone", "-o", "json"}, ns...)...); code != 0 || errs != "" || !strings.Contains(out, `"items": []`) {
		t.Errorf("none as JSON: got exit code %d, %s%s", code, out, errs)
	}
}

func testMissingObjectIsReportedBesideOthers(t *testing.T) {
	e, run := onCluster(t, "web")
	code, out, errs := run("get", "web", "wbe", "-n", e.Namespace, "-o", "name")
	if code != 2 || out != "scaledobject.impulse.sh/web\n" || errs != `impulse: there is no ScaledObject "wbe" in namespace "`+e.Namespace+`" (did you mean "web"?)`+"\n" {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
}

// recorder collects output that is written while a command runs.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(text)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func testObjectThatChangesIsPrintedAgain(t *testing.T) {
	e, _ := onCluster(t, "web", "api")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs recorder
	done := make(chan int, 1)
	go func() {
		done <- execute(ctx, []string{"impulse", "get", "--watch", "--kubeconfig", e.Kubeconfig, "-n", e.Namespace}, strings.NewReader(""), &out, &errs)
	}()
	lines := func(n int) {
		t.Helper()
		testkit.Eventually(t, "the row is printed", func(context.Context) bool { return strings.Count(out.String(), "\n") >= n })
	}
	lines(3)
	setStatus(t, e, "web", decided)
	lines(4)
	setStatus(t, e, "web", `{"memory": "v1"}`) // Nothing that a row shows.
	if o, err := e.Kubectl(t.Context(), "", "delete", "so", "web"); err != nil {
		t.Fatal(err, o)
	}
	lines(5)
	cancel()
	if code := <-done; code != 0 || errs.String() != "" {
		t.Errorf("got exit code %d, %s", code, errs.String())
	}
	got := strings.Split(out.String(), "\n")
	if len(got) != 6 || !strings.HasPrefix(fieldsOf(got[3]), "web Deployment/web 3 3 1 100 - active ") || !strings.HasPrefix(fieldsOf(got[4]), "web Deployment/web 3 3 1 100 Deleted ") {
		t.Errorf("got\n%s", out.String())
	}
}

func testObjectsOfFileModeAreListed(t *testing.T) {
	config, states := fileMode(t)
	about := []string{"--config", config, "--state-dir", states}
	code, out, errs := impulse(t, "", append([]string{"get", "-A"}, about...)...)
	if code != 0 || errs != "" || !strings.Contains(fieldsOf(out), "shop office Deployment/office 3 3 1 100 ") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := impulse(t, "", append([]string{"get", "--watch"}, about...)...); code != 2 || out != "" || !strings.Contains(errs, "--watch has no effect with --config") {
		t.Errorf("with --watch: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := impulse(t, "", append([]string{"history", "-A", "-o", "json"}, about...)...); code != 0 || errs != "" || !strings.Contains(out, `"object": "shop/office"`) {
		t.Errorf("the history of all: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := impulse(t, "", append([]string{"explain", "-A"}, about...)...); code != 0 || errs != "" || !strings.Contains(out, "shop/office (Deployment/office)") {
		t.Errorf("the explanation of all: got exit code %d, %s%s", code, out, errs)
	}
	if err := os.WriteFile(filepath.Join(config, "broken.yaml"), []byte("kind: ScaledObject\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := impulse(t, "", append([]string{"get", "-A"}, about...)...); code != 2 || !strings.Contains(out, "office") || !strings.Contains(errs, "broken.yaml:1:1: ") {
		t.Errorf("with a broken file: got exit code %d, %s%s", code, out, errs)
	}
}

func testNamesAndNamespacesAreCompletedFromCluster(t *testing.T) {
	e, _ := onCluster(t, "web", "api")
	for args, want := range map[string]string{
		"get -n " + e.Namespace + " ": "api\nweb\n:4\n", "explain -n " + e.Namespace + " w": "web\n:4\n", "history web -n " + e.Namespace + " ": "api\n:4\n",
		"get " + e.Namespace + "/a": e.Namespace + "/api\n:4\n", "get -n " + e.Namespace[:len(e.Namespace)-1]: e.Namespace + "\n",
	} {
		words := append(strings.Split("__complete --kubeconfig "+e.Kubeconfig+" ", " ")[:0], "__complete")
		fields := strings.Split(args, " ")
		words = append(append(words, fields[0], "--kubeconfig", e.Kubeconfig), fields[1:]...)
		if code, out, _ := impulse(t, "", words...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q: got exit code %d, %q, want %q", args, code, out, want)
		}
	}
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	if code, out, _ := impulse(t, "", "__complete", "get", ""); code != 0 || out != ":4\n" {
		t.Errorf("without a cluster: got exit code %d, %q, want no suggestion", code, out)
	}
}

func testStatusWithoutLeaderIsReportedAsOldOne(t *testing.T) {
	e, run := onCluster(t, "web")
	setStatus(t, e, "web", decided)
	lease := []string{"-n", e.Namespace, "--lease-namespace", e.Namespace}
	commands := [][]string{append([]string{"explain", "web"}, lease...), append([]string{"get"}, lease...)}
	for _, command := range commands {
		if _, _, errs := run(command...); strings.Contains(errs, "no Impulse leads") {
			t.Errorf("%s without a Lease: got %s", command[0], errs)
		}
	}
	if _, _, errs := run("alerts", "-n", e.Namespace, "--lease-namespace", e.Namespace); !strings.Contains(errs, "there is no Lease "+e.Namespace+"/impulse: set --lease-namespace") {
		t.Errorf("alerts without a Lease: got %s", errs)
	}
	e.Apply("apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: impulse}\nspec: {holderIdentity: gone, renewTime: \"2026-01-01T00:00:00.000000Z\"}\n")
	for _, command := range commands {
		if _, _, errs := run(command...); !strings.HasPrefix(errs, "warning: no Impulse leads: the Lease "+e.Namespace+"/impulse has not been renewed for ") {
			t.Errorf("%s with a Lease that has expired: got %s", command[0], errs)
		}
	}
	if _, _, errs := run("alerts", "-n", e.Namespace, "--lease-namespace", e.Namespace); strings.Contains(errs, "there is no Lease") {
		t.Errorf("alerts with a Lease: got %s", errs)
	}
}

func testEachMistakeIsOneSentence(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	broken := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(broken, []byte("{apiVersion: v1, kind: Config"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"get":                             "impulse: find the cluster: " + os.Getenv("KUBECONFIG") + " does not exist, and this is no Pod: set KUBECONFIG or --kubeconfig\n",
		"get --kubeconfig " + broken:      "impulse: find the cluster: error loading config file \"" + broken + "\": ",
		"get web -A":                      "impulse: --all-namespaces has no effect with names\n",
		"get web -l a=b":                  "impulse: --selector has no effect with names\n",
		"get -A -n shop":                  "impulse: --namespace has no effect with --all-namespaces\n",
		"get --live maybe":                "impulse: --live is \"maybe\": expected auto, always or never\n",
		"get --live always -o json":       "impulse: --live has no effect with --output=json\n",
		"get --live always -w":            "impulse: --live has no effect with --watch\n",
		"get --live always --config .":    "impulse: --live has no effect with --config\n",
		"get -l a==b=c":                   "impulse: --selector is \"a==b=c\": ",
		"get -o xml":                      "impulse: --output is \"xml\": expected text, json, yaml, wide or name\n",
		"get a/b/c --server http://[::1]": "impulse: name one object: NAME, or NAMESPACE/NAME\n",
		"get shop/web -n cart":            "impulse: shop/web is not in namespace cart: give the namespace once\n",
		"get --request-timeout soon --server http://127.0.0.1:1": "impulse: find the cluster: ",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.HasPrefix(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: got exit code %d, %s%s, want %s", args, code, out, errs, want)
		}
	}
}
