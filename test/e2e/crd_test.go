package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestCRD(t *testing.T) {
	t.Parallel()
	t.Run("the CRD and check refuse the same", testCRDAndCheckRefuseSame)
	t.Run("the CRD's own rules are checked as well", testCRDsOwnRulesAreCheckedAsWell)
	t.Run("an idle count of 0 is valid with every minimum", testIdleCountOf0IsValidWithEveryMinimum)
	t.Run("the CRD and file mode apply the same defaults", testCRDAndFileModeApplySameDefaults)
}

// everyField is a ScaledObject in which every field is set; bounded has the fields that exclude a formula.
const everyField = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: whole, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web, envSourceContainerName: app}
  pollingInterval: 30
  cooldownPeriod: 300
  initialCooldownPeriod: 10
  idleReplicaCount: 1
  minReplicaCount: 2
  maxReplicaCount: 10
  dryRun: false
  fallback: {failureThreshold: 3, replicas: 4, behavior: static}
  advanced: &advanced
    restoreToOriginalReplicaCount: false
    scalingModifiers: {formula: load * 2, target: "10", activationTarget: "5", metricType: AverageValue}
    horizontalPodAutoscalerConfig:
      name: web
      behavior:
        scaleUp: &rules
          stabilizationWindowSeconds: 0
          selectPolicy: Max
          policies: [{type: Pods, value: 4, periodSeconds: 60}]
          tolerance: "0.1"
        scaleDown: *rules
  triggers: &triggers
  - type: prometheus
    name: load
    metadata: {serverAddress: 'http://prometheus:9090', query: load, threshold: 1}
    metricType: AverageValue
    useCachedMetrics: true
    authenticationRef: {name: login, kind: TriggerAuthentication}
  shadow:
    pollingInterval: 30
    cooldownPeriod: 300
    initialCooldownPeriod: 10
    idleReplicaCount: 1
    minReplicaCount: 2
    maxReplicaCount: 10
    advanced: *advanced
    triggers: *triggers
`

var bounded = strings.NewReplacer(
	"    scalingModifiers:", "    # scalingModifiers:", "    useCachedMetrics: true", "    useCachedMetrics: true\n    min: 1\n    max: 5\n    cap: false",
).Replace(everyField)

// node is an object, a list or a schema, as decoded JSON.
type node = map[string]any

func parse(t *testing.T, text []byte) node {
	t.Helper()
	var n node
	if err := yaml.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// check returns the errors of the API server and of `impulse check` for an object; nil when they accept it.
func (e *env) check(so node) (server, check error) {
	e.t.Helper()
	_, server = e.Dynamic.Resource(scaledObjects).Namespace("default").Create(e.t.Context(), &unstructured.Unstructured{Object: runtime.DeepCopyJSON(so)},
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	text, err := json.Marshal(so)
	if err != nil {
		e.t.Fatal(err)
	}
	objects, problems := manifest.Parse("whole.yaml", text)
	_, more := manifest.Compile(objects, builtin.Kinds())
	for _, p := range append(problems, more...) {
		if !p.Warning {
			return server, p
		}
	}
	return server, nil
}

// change is an object that differs from everyField at one place.
type change struct {
	name  string
	value any
	// bad: it breaks a rule. Otherwise it is at the limit of the allowed values.
	bad bool
}

// stricter are the reasons why impulse check may refuse an object that the CRD allows.
var stricter = map[string]string{
	"spec.triggers[0].type: as long as it may be": "no kind of trigger has this name",
	"spec.maxReplicaCount: the minimum":           "a shadow's minReplicaCount is compared with what it takes from the live policy",
}

// changesOf returns changes that break every rule of a schema, except those in CEL.
func changesOf(schema node, value any) []change {
	var all []change
	add := func(name string, value any, bad bool) { all = append(all, change{name, value, bad}) }
	number := func(rule string) (int64, bool) {
		n, ok := schema[rule].(float64)
		return int64(n), ok
	}
	if n, ok := number("minimum"); ok {
		add("below the minimum", n-1, true)
		add("the minimum", n, false)
	}
	if n, ok := number("maximum"); ok {
		add("above the maximum", n+1, true)
		add("the maximum", n, false)
	}
	if _, ok := number("minLength"); ok {
		add("empty", "", true)
	}
	if n, ok := number("maxLength"); ok {
		add("too long", strings.Repeat("x", int(n)+1), true)
		add("as long as it may be", strings.Repeat("x", int(n)), false)
	}
	if _, ok := number("minItems"); ok {
		add("an empty list", []any{}, true)
	}
	if n, ok := number("maxItems"); ok {
		add("too many", many(value, n+1), true)
		add("as many as there may be", many(value, n), false)
	}
	if words, ok := schema["enum"].([]any); ok {
		add("not one of them", "Nonsense", true)
		for _, word := range words {
			add(fmt.Sprint(word), word, false)
		}
	}
	if _, ok := schema["pattern"]; ok {
		add("of no such form", "a tenth", true)
	}
	switch schema["type"] {
	case "integer":
		add("a text", "many", true)
		add("no integer", 1.5, true)
		add("beyond 32 bits", int64(1)<<40, true)
	case "string":
		add("a number", int64(7), true)
	case "boolean":
		add("no boolean", "perhaps", true)
	case "array", "object":
		add("a text", "text", true)
	}
	return all
}

// many repeats the one item of a list; items with a name get different ones.
func many(value any, n int64) []any {
	list, _ := value.([]any)
	all := make([]any, n)
	for i := range all {
		all[i] = runtime.DeepCopyJSONValue(list[0])
		if item, ok := all[i].(node); ok && item["name"] != nil {
			item["name"] = fmt.Sprint("trigger-", i)
		}
	}
	return all
}

// walk calls visit for every field that both the schema and the object have, with a function that returns the whole object
// with another value there.
func walk(path string, schema node, value any, with func(any) node, visit func(path string, schema node, value any, with func(any) node)) {
	visit(path, schema, value, with)
	properties, _ := schema["properties"].(node)
	object, _ := value.(node)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		child, there := object[name]
		below, ok := properties[name].(node)
		if !there || !ok {
			continue
		}
		walk(path+"."+name, below, child, func(v any) node {
			o := runtime.DeepCopyJSON(object)
			o[name] = v
			return with(o)
		}, visit)
	}
	items, isList := schema["items"].(node)
	if list, ok := value.([]any); ok && isList {
		walk(path+"[0]", items, list[0], func(v any) node { return with([]any{v}) }, visit)
	}
}

// specSchema returns the schema of a ScaledObject's spec in the CRD.
func specSchema(t *testing.T) node {
	t.Helper()
	content, err := os.ReadFile("../../deploy/crds/impulse.sh_scaledobjects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(parse(t, content), "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	version, _ := versions[0].(node)
	spec, found, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema", "properties", "spec")
	if err != nil || !found {
		t.Fatal("the CRD has no spec", err)
	}
	return spec
}

func testCRDAndCheckRefuseSame(t *testing.T) {
	e, schema, tried := newEnv(t), specSchema(t), map[string]int{}
	for _, text := range []string{bounded, everyField} {
		object := parse(t, []byte(text))
		if server, check := e.check(object); server != nil || check != nil {
			t.Fatalf("the whole object is refused: %v, %v", server, check)
		}
		walk("spec", schema, object["spec"], func(v any) node {
			o := runtime.DeepCopyJSON(object)
			o["spec"] = v
			return o
		}, func(path string, schema node, value any, with func(any) node) {
			if tried[path]++; tried[path] > 1 || schema["x-kubernetes-preserve-unknown-fields"] == true {
				return // Tried with the other object, or judged by the kind of trigger.
			}
			for _, c := range changesOf(schema, value) {
				e.compareChecks(path+": "+c.name, with(c.value), c.bad)
			}
			if fields, ok := value.(node); ok {
				e.compareFields(path, schema, fields, with)
			}
		})
	}
	for _, path := range pathsOf("spec", schema) {
		if tried[path] == 0 {
			t.Errorf("%s is in neither object: its rules are not tried", path)
		}
	}
}

// compareChecks fails the test when the API server and impulse check do not agree on an object, or accept a bad one.
func (e *env) compareChecks(name string, so node, bad bool) {
	e.t.Helper()
	server, check := e.check(so)
	switch {
	case bad && (server == nil || check == nil):
		e.t.Errorf("%s: API server: %v; impulse check: %v; both should refuse it", name, server, check)
	case !bad && (server == nil) != (check == nil) && (server != nil || stricter[strings.ReplaceAll(name, ".shadow", "")] == ""):
		e.t.Errorf("%s: API server: %v; impulse check: %v; they should agree", name, server, check)
	}
}

// compareFields adds an unknown field, removes each required field, and compares the checks of each object.
func (e *env) compareFields(path string, schema, fields node, with func(any) node) {
	e.t.Helper()
	unknown := runtime.DeepCopyJSON(fields)
	unknown["noSuchField"] = int64(1)
	e.compareChecks(path+": an unknown field", with(unknown), true)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		less := runtime.DeepCopyJSON(fields)
		delete(less, fmt.Sprint(name))
		e.compareChecks(fmt.Sprintf("%s: without %s", path, name), with(less), true)
	}
}

// pathsOf returns the paths of a schema's fields, in the form of walk.
func pathsOf(path string, schema node) []string {
	all := []string{path}
	properties, _ := schema["properties"].(node)
	for name, below := range properties {
		if child, ok := below.(node); ok {
			all = append(all, pathsOf(path+"."+name, child)...)
		}
	}
	if items, ok := schema["items"].(node); ok {
		all = append(all, pathsOf(path+"[0]", items)...)
	}
	return all
}

// KEDA accepts an idleReplicaCount of 0 with a minReplicaCount of 0: it has no effect.
func testIdleCountOf0IsValidWithEveryMinimum(t *testing.T) {
	e := newEnv(t)
	for idle, ok := range map[int64]bool{0: true, 1: false} {
		so := parse(t, []byte(everyField))
		spec, _ := so["spec"].(node)
		spec["minReplicaCount"], spec["idleReplicaCount"], spec["shadow"] = int64(0), idle, node{"maxReplicaCount": int64(5)}
		if server, check := e.check(so); (server == nil) != ok || (check == nil) != ok {
			t.Errorf("idleReplicaCount %d: API server: %v; impulse check: %v", idle, server, check)
		}
	}
}

func testCRDAndFileModeApplySameDefaults(t *testing.T) {
	e := newEnv(t)
	const least = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: least, namespace: default}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: prometheus, metadata: {serverAddress: 'http://prometheus:9090', query: load, threshold: 1}}]
`
	for name, text := range map[string]string{"the least that works": least, "everything set": everyField} {
		made, err := e.Dynamic.Resource(scaledObjects).Namespace("default").Create(t.Context(), &unstructured.Unstructured{Object: parse(t, []byte(text))},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := made.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var byServer, byUs v1alpha1.ScaledObject
		if err := errors.Join(yaml.Unmarshal(answer, &byServer), yaml.Unmarshal([]byte(text), &byUs)); err != nil {
			t.Fatal(err)
		}
		compile.Default(&byUs)
		if !reflect.DeepEqual(byServer.Spec, byUs.Spec) {
			a, _ := json.Marshal(byServer.Spec)
			b, _ := json.Marshal(byUs.Spec)
			t.Errorf("%s: the API server's defaults give\n%s\nand file mode's\n%s", name, a, b)
		}
	}
}
