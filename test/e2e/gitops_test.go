package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/actuator"
)

func TestGitOps(t *testing.T) {
	t.Parallel()
	t.Run("a manifest's count and Impulse's compete as documented", testManifestsCountAndImpulsesCompeteAsDocumented)
	t.Run("a count that a manifest resets is written again", testCountThatManifestResetsIsWrittenAgain)
	t.Run("a custom resource without a count is not scaled until it has one", testCustomResourceWithoutCountIsNotScaledUntilItHasOne)
	t.Run("an apply of a ScaledObject keeps its finalizer and its status", testApplyOfScaledObjectKeepsItsFinalizerAndItsStatus)
}

// manifestCase is a sequence of steps on a workload whose manifest is applied while Impulse scales it, one word per step:
//
//	apply:3     the manifest is applied with 3 replicas; apply:- is the manifest without a count
//	write:5     Impulse writes 5 through /scale
//	handover:3  another field manager applies the count 3, and nothing else
//	forget:-    kubectl's annotation with the manifest that it applied last is replaced by the manifest without a count
//
// The case determines the last apply: server-side as the field manager gitops, forced or not, client-side, or as Helm 3 does it.
type manifestCase struct {
	how, steps string
	// count is spec.replicas in the end; "conflict" when the last step is refused and changes nothing.
	count string
	// owners are the field managers of spec.replicas in the end, joined with "+".
	owners string
}

const (
	clientSide = "kubectl apply"
	serverSide = "kubectl apply --server-side --field-manager=gitops"
	forced     = serverSide + " --force-conflicts"
	helm3      = "helm"
	kubectls   = "kubectl-client-side-apply"
)

// manifestCases are the rows of docs/gitops.md.
var manifestCases = []manifestCase{
	// The manifest has never stated a count.
	{clientSide, "apply:- write:5 apply:-", "5", "impulse"},
	{serverSide, "apply:- write:5 apply:-", "5", ""},
	{forced, "apply:- write:5 apply:-", "5", ""},
	{helm3, "apply:- write:5 apply:-", "5", "impulse"},
	// It states one.
	{clientSide, "apply:3 write:5 apply:3", "3", kubectls},
	{serverSide, "apply:3 write:5 apply:3", "conflict", "impulse"},
	{forced, "apply:3 write:5 apply:3", "3", "gitops"},
	{helm3, "apply:3 write:5 apply:3", "3", helm3},
	// It states one, and no field manager owns the count.
	{serverSide, "apply:- write:5 apply:3", "3", "gitops"},
	{serverSide, "apply:3 write:0 write:5 apply:3", "3", "gitops"},
	// It no longer states one.
	{clientSide, "apply:3 write:5 apply:-", "1", kubectls},
	{serverSide, "apply:3 apply:-", "1", ""},
	{serverSide, "apply:3 write:5 apply:-", "5", "impulse"},
	{serverSide, "apply:3 write:0 write:5 apply:-", "5", ""},
	{forced, "apply:3 write:5 apply:3 apply:-", "1", ""},
	{helm3, "apply:3 write:5 apply:-", "1", helm3},
	// It no longer states one, after a step that keeps the count.
	{clientSide, "apply:3 write:5 forget:- apply:-", "5", "impulse"},
	{forced, "apply:3 handover:3 apply:-", "3", "handover"},
	{forced, "apply:3 handover:3 apply:- write:5 apply:-", "5", "impulse"},
	// It states the current count, as Argo CD does with RespectIgnoreDifferences.
	{forced, "apply:3 write:5 apply:5", "5", "gitops+impulse"},
	{forced, "apply:3 write:5 apply:5 write:7 apply:7 write:0", "0", ""},
}

// scalable is a kind of workload in the test's namespace.
type scalable struct {
	resource schema.GroupVersionResource
	target   actuator.Target
	// manifest returns the manifest for a name, with a line for its count.
	manifest string
	// unset is the count of a workload whose manifest states none.
	unset string
}

const podTemplate = `
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: [{name: app, image: app}]}
`

func builtIn(resource, kind string) scalable {
	return scalable{
		resource: appsv1.SchemeGroupVersion.WithResource(resource), target: actuator.Target{APIVersion: "apps/v1", Kind: kind}, unset: "1",
		manifest: "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: NAME}\nspec:\n  replicas: COUNT" + podTemplate,
	}
}

// gadgets is a kind of custom resource whose count has no default.
func (e *env) gadgets() scalable {
	e.t.Helper()
	group := e.Namespace + ".impulse.test"
	e.Apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.` + group + `}
spec:
  group: ` + group + `
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {replicas: {type: integer}, color: {type: string}}}
          status: {type: object, properties: {replicas: {type: integer}}}
`)
	e.t.Cleanup(func() {
		if out, err := e.Kubectl(context.WithoutCancel(e.t.Context()), "", "delete", "crd", "gadgets."+group, "--wait=false"); err != nil {
			e.t.Error(err, out)
		}
	})
	e.mustKubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/gadgets."+group)
	var out string
	e.until("the API server serves gadgets", func(ctx context.Context) (bool, error) {
		var err error
		out, err = e.Kubectl(ctx, "", "get", "gadgets."+group)
		return err == nil, nil
	}, func() string { return out })
	return scalable{
		resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: "gadgets"}, target: actuator.Target{APIVersion: group + "/v1", Kind: "Gadget"}, unset: "none",
		manifest: "apiVersion: " + group + "/v1\nkind: Gadget\nmetadata: {name: NAME}\nspec:\n  color: red\n  replicas: COUNT\n",
	}
}

func testManifestsCountAndImpulsesCompeteAsDocumented(t *testing.T) {
	for _, kind := range []string{"Deployment", "StatefulSet", "custom resource"} {
		t.Run(kind, func(t *testing.T) {
			e := newEnv(t)
			var of scalable
			switch kind {
			case "Deployment":
				of = builtIn("deployments", "Deployment")
			case "StatefulSet":
				of = builtIn("statefulsets", "StatefulSet")
			default:
				of = e.gadgets()
			}
			for i, c := range manifestCases {
				custom := of.unset == "none"
				if custom && (c.how == helm3 || strings.HasPrefix(c.steps, "apply:- ")) {
					continue // Without a count there is nothing to write.
				}
				if custom && c.count == "1" {
					c.count, c.owners = "none", ""
				}
				e.play(of, fmt.Sprint("web-", i), c)
			}
		})
	}
}

// play runs the steps of a case on a workload of its own.
func (e *env) play(of scalable, name string, c manifestCase) {
	e.t.Helper()
	of.target.Namespace, of.target.Name = e.Namespace, name
	var err error
	var before, out string // The manifest that was applied last.
	for step := range strings.FieldsSeq(c.steps) {
		verb, count, _ := strings.Cut(step, ":")
		manifest := of.with(name, count)
		switch {
		case verb == "apply" && c.how == helm3:
			out, err = "", e.helm(of, name, before, manifest)
			before = manifest
		case verb == "apply":
			out, err = e.applyAs(c.how, manifest)
		case verb == "handover":
			only := strings.Join([]string{"apiVersion: " + of.target.APIVersion, "kind: " + of.target.Kind, "metadata: {name: " + name + "}", "spec: {replicas: " + count + "}"}, "\n")
			out, err = e.Kubectl(e.t.Context(), only, "apply", "--server-side", "--field-manager=handover", "--validate=false", "-f", "-")
		case verb == "forget":
			out, err = e.Kubectl(e.t.Context(), manifest, "apply", "set-last-applied", "-f", "-")
		default:
			out, err = "", e.writeCount(of.target, count)
		}
		if err != nil {
			break
		}
	}
	count, owners := e.countOf(e.t.Context(), of, name)
	refused := err != nil && strings.Contains(out, `conflict with "impulse" with subresource "scale"`)
	if refused && count == "5" {
		count = "conflict"
	}
	if count != c.count || owners != c.owners || err != nil && !refused {
		e.t.Errorf("%s, %s, %s: the count is %s, owned by %q; want %s, owned by %q; %v %s", of.target.Kind, c.how, c.steps, count, owners, c.count, c.owners, err, out)
	}
}

// applyAs runs one of the kubectl commands above with a manifest.
func (e *env) applyAs(how, manifest string) (string, error) {
	e.t.Helper()
	return e.Kubectl(e.t.Context(), manifest, append(strings.Fields(strings.TrimPrefix(how, "kubectl ")), "-f", "-")...)
}

// with returns the manifest for a name, with a count or, for "-", without one.
func (s scalable) with(name, count string) string {
	if count == "-" {
		s.manifest = strings.Replace(s.manifest, "  replicas: COUNT", "", 1)
	}
	return strings.NewReplacer("NAME", name, "COUNT", count).Replace(s.manifest)
}

// writeCount writes a count as Impulse does.
func (e *env) writeCount(target actuator.Target, count string) error {
	e.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", e.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := actuator.New(config, actuator.Options{})
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(count, 10, 32)
	if err != nil {
		return err
	}
	seen, err := client.Get(e.t.Context(), target)
	if err != nil {
		return err
	}
	_, err = client.Set(e.t.Context(), target, seen, int32(n))
	return err
}

// countOf returns spec.replicas, "none" without one, and its field managers. Impulse owns it through /scale.
func (e *env) countOf(ctx context.Context, of scalable, name string) (count, owners string) {
	e.t.Helper()
	o, err := e.Dynamic.Resource(of.resource).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	n, there, err := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if err != nil {
		e.t.Fatal(err)
	}
	var all []string
	for _, entry := range o.GetManagedFields() {
		var fields struct {
			Spec map[string]any `json:"f:spec"`
		}
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
			e.t.Fatal(err)
		}
		if _, owned := fields.Spec["f:replicas"]; owned {
			all = append(all, entry.Manager)
			if (entry.Manager == actuator.FieldManager) != (entry.Subresource == "scale") {
				e.t.Errorf("%s owns the count by the subresource %q", entry.Manager, entry.Subresource)
			}
		}
	}
	slices.Sort(all)
	return map[bool]string{true: strconv.FormatInt(n, 10), false: "none"}[there], strings.Join(all, "+")
}

// helm applies a manifest as Helm 3 does: with a patch made of the manifest of the release before, the new one and the live object.
func (e *env) helm(of scalable, name, before, manifest string) error {
	e.t.Helper()
	objects := e.Dynamic.Resource(of.resource).Namespace(e.Namespace)
	modified := &unstructured.Unstructured{Object: parse(e.t, []byte(manifest))}
	if before == "" {
		_, err := objects.Create(e.t.Context(), modified, metav1.CreateOptions{FieldManager: helm3})
		return err
	}
	live, err := objects.Get(e.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(map[string]any{"Deployment": appsv1.Deployment{}, "StatefulSet": appsv1.StatefulSet{}}[of.target.Kind])
	if err != nil {
		return err
	}
	var texts [3][]byte
	for i, object := range []any{parse(e.t, []byte(before)), modified.Object, live.Object} {
		texts[i], err = json.Marshal(object)
		if err != nil {
			return err
		}
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(texts[0], texts[1], texts[2], meta, true)
	if err != nil {
		return err
	}
	_, err = objects.Patch(e.t.Context(), name, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: helm3})
	return err
}

func testCountThatManifestResetsIsWrittenAgain(t *testing.T) {
	e := newEnv(t)
	of := builtIn("deployments", "Deployment")
	apply := func(count string) {
		t.Helper()
		if out, err := e.applyAs(forced, of.with("web", count)); err != nil {
			t.Fatal(err, out)
		}
	}
	apply("3")
	e.Apply(onAlert("web"))
	i := e.run()
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	since := e.version("web")
	apply("3")
	e.AwaitReplicas("web", 5)
	e.expectWrites("web", since, 2) // The manifest's and ours.
	apply("-")
	e.AwaitReplicas("web", 5)
}

func testCustomResourceWithoutCountIsNotScaledUntilItHasOne(t *testing.T) {
	e := newEnv(t)
	of := e.gadgets()
	e.Apply(of.with("web", "-"))
	e.Apply(strings.Replace(onAlert("web"), "scaleTargetRef: {name: web}", fmt.Sprintf("scaleTargetRef: {apiVersion: %s, kind: Gadget, name: web}", of.target.APIVersion), 1))
	i := e.run()
	e.webhook(i, "web", "firing")
	e.condition("web", "AbleToScale", "False", "TargetUnknown")
	e.mustKubectl("patch", "gadgets."+of.resource.Group, "web", "--type", "merge", "--patch", `{"spec": {"replicas": 1}}`)
	e.until("it has 5 replicas", func(ctx context.Context) (bool, error) {
		count, _ := e.countOf(ctx, of, "web")
		return count == "5", nil
	}, func() string { return e.Describe(e.t.Context(), "web") })
}

func testApplyOfScaledObjectKeepsItsFinalizerAndItsStatus(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 3)
	e.Apply(withRestore(onAlert("web")))
	e.run()
	e.AwaitReplicas("web", 1)
	e.condition("web", "Ready", "True", "Ready")
	for _, how := range []string{clientSide, serverSide, forced} {
		if out, err := e.applyAs(how, withRestore(onAlert("web"))); err != nil {
			t.Fatal(how, err, out)
		}
		so := e.object("web")
		if n, _, err := unstructured.NestedInt64(so.Object, "status", "originalReplicaCount"); err != nil || n != 3 || len(so.GetFinalizers()) != 1 {
			t.Errorf("after %s the ScaledObject is %v", how, so.Object)
		}
	}
}
