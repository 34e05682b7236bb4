package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// brokenRule is a spec that breaks one rule in CEL. field is where the API server reports it, below spec; "" means at the schema of the
// rule.
type brokenRule struct{ spec, field string }

const (
	oneTrigger   = `scaleTargetRef: {name: web}, triggers: [{type: push}]`
	someTriggers = `scaleTargetRef: {name: web}, triggers: `
	namedTwice   = `[{type: push, name: a}, {type: push, name: a}]`
	minAboveMax  = `[{type: push, min: 3, max: 2}]`
	utilization  = `[{type: push, metricType: Utilization}]`
	noFormula    = `{scalingModifiers: {target: "1"}}`
)

// brokenRules has a spec for each rule of the CRDs, by the kind, the path of the schema and the message of the rule.
var brokenRules = map[string]brokenRule{
	"ScaledObject: minReplicaCount must not be above maxReplicaCount":   {spec: "minReplicaCount: 5, maxReplicaCount: 4, " + oneTrigger},
	"ScaledObject: idleReplicaCount must be 0 or below minReplicaCount": {spec: "idleReplicaCount: 2, minReplicaCount: 2, " + oneTrigger},
	"ScaledObject: trigger names must be unique":                        {spec: someTriggers + namedTwice},
	"ScaledObject: minReplicaCount must be above 0: cpu, memory and kubernetes-pods cannot activate a workload that has no pods": {
		someTriggers + "[{type: cpu, metadata: {value: 60}}]", "minReplicaCount",
	},
	"ScaledObject: fallback.behavior scalingModifiers needs advanced.scalingModifiers": {
		spec: "fallback: {failureThreshold: 1, replicas: 1, behavior: scalingModifiers}, " + oneTrigger,
	},
	"ScaledObject: triggers that are inputs of scalingModifiers have no min, max and cap": {
		spec: `advanced: {scalingModifiers: {formula: a, target: "1"}}, ` + someTriggers + "[{type: push, name: a, max: 3}]",
	},
	"ScaledObject advanced.scalingModifiers: formula and target are required":        {spec: "advanced: " + noFormula + ", " + oneTrigger},
	"ScaledObject shadow.advanced.scalingModifiers: formula and target are required": {spec: "shadow: {advanced: " + noFormula + "}, " + oneTrigger},
	"ScaledObject shadow: minReplicaCount must not be above maxReplicaCount":         {spec: "shadow: {minReplicaCount: 5, maxReplicaCount: 4}, " + oneTrigger},
	"ScaledObject shadow: idleReplicaCount must be 0 or below minReplicaCount":       {spec: "shadow: {idleReplicaCount: 2, minReplicaCount: 2}, " + oneTrigger},
	"ScaledObject shadow: trigger names must be unique":                              {spec: "shadow: {triggers: " + namedTwice + "}, " + oneTrigger},
	"ScaledObject triggers[0]: min must not be above max":                            {someTriggers + minAboveMax, "triggers[0].min"},
	"ScaledObject shadow.triggers[0]: min must not be above max":                     {"shadow: {triggers: " + minAboveMax + "}, " + oneTrigger, "shadow.triggers[0].min"},
	"ScaledObject triggers[0]: Utilization goes with cpu and memory only":            {someTriggers + utilization, "triggers[0].metricType"},
	"ScaledObject shadow.triggers[0]: Utilization goes with cpu and memory only":     {"shadow: {triggers: " + utilization + "}, " + oneTrigger, "shadow.triggers[0].metricType"},
	"TriggerAuthentication awsSecretManager: credentials or a podIdentity is needed": {spec: "awsSecretManager: {region: eu, secrets: [{parameter: a, name: b}]}"},
	"TriggerAuthentication azureKeyVault: credentials or a podIdentity is needed":    {spec: "azureKeyVault: {vaultUri: 'https://a', secrets: [{parameter: a, name: b}]}"},
	"TriggerAuthentication gcpSecretManager: credentials or a podIdentity is needed": {spec: "gcpSecretManager: {podIdentity: {provider: none}, secrets: [{parameter: a, id: b}]}"},
	"TriggerAuthentication hashiCorpVault: the authentication kubernetes needs role and mount": {
		spec: "hashiCorpVault: {address: 'https://a', authentication: kubernetes, secrets: [{parameter: a, path: b, key: c}]}",
	},
	"TriggerAuthentication hashiCorpVault.credential: token and tokenFrom exclude each other": {
		spec: "hashiCorpVault: {address: 'https://a', authentication: token, credential: {token: a, tokenFrom: {name: a, key: b}}, secrets: [{parameter: a, path: b, key: c}]}",
	},
	"TriggerAuthentication podIdentity: roleArn and identityOwner workload exclude each other": {spec: "podIdentity: {provider: aws, roleArn: a, identityOwner: workload}"},
	"TriggerAuthentication podIdentity: externalID needs a roleArn":                            {spec: "podIdentity: {provider: aws, externalID: a}"},
	"TriggerAuthentication podIdentity: identityAuthorityHost needs an identityTenantId":       {spec: "podIdentity: {provider: azure-workload, identityAuthorityHost: a}"},
}

// testCRDsOwnRulesAreCheckedAsWell breaks each rule in CEL once. `impulse check` refuses the same ScaledObjects; so that no rule is
// forgotten, each rule of a CRD must have a case.
func testCRDsOwnRulesAreCheckedAsWell(t *testing.T) {
	e := newEnv(t)
	tried := map[string]bool{}
	for _, rule := range celRules(t) {
		// The podIdentity of each vault has the type, and so the rules, of spec.podIdentity. A ClusterTriggerAuthentication has the spec of a
		// TriggerAuthentication and two lists.
		kind, rest, _ := strings.Cut(strings.TrimPrefix(rule, "Cluster"), " ")
		if path, message, _ := strings.Cut(rest, ": "); strings.HasSuffix(path, ".podIdentity") {
			rest = "podIdentity: " + message
		}
		key := strings.Replace(kind+" "+rest, " : ", ": ", 1)
		broken, ok := brokenRules[key]
		if !ok {
			t.Errorf("no case breaks the rule %q", key)
			continue
		}
		if !tried[key] {
			e.expectRefusal(kind, key, broken)
		}
		tried[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(brokenRules)) {
		if !tried[key] {
			t.Errorf("no CRD has the rule %q", key)
		}
	}
}

// expectRefusal fails the test if the API server does not refuse a spec with the message of a rule at its field, or `impulse check` accepts it.
func (e *env) expectRefusal(kind, key string, broken brokenRule) {
	e.t.Helper()
	where, message, _ := strings.Cut(key, ": ")
	field := broken.field
	if _, path, found := strings.Cut(where, " "); field == "" && found {
		field = path
	}
	want := strings.TrimSuffix("spec."+field, ".") + ": Invalid value"
	object := parse(e.t, []byte(fmt.Sprintf("{apiVersion: impulse.sh/v1alpha1, kind: %s, metadata: {name: broken, namespace: default}, spec: {%s}}", kind, broken.spec)))
	resource := schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: strings.ToLower(kind) + "s"}
	_, err := e.Dynamic.Resource(resource).Namespace("default").Create(e.t.Context(), &unstructured.Unstructured{Object: object},
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	if err == nil || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), want) {
		e.t.Errorf("%s: the API server answers %v, want %q at %q", key, err, message, want)
	}
	text, err := json.Marshal(object)
	if err != nil {
		e.t.Fatal(err)
	}
	objects, problems := manifest.Parse("broken.yaml", text)
	_, more := manifest.Compile(objects, builtin.Kinds())
	if kind == "ScaledObject" && !manifest.Failed(append(problems, more...)) {
		e.t.Errorf("%s: impulse check accepts it", key)
	}
}

// celRules returns the rules in CEL of all CRDs, as "KIND PATH: MESSAGE"; the path is below spec.
func celRules(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(root + "/deploy/crds/impulse.sh_*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no CRDs", err)
	}
	var all []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		definition := &unstructured.Unstructured{Object: parse(t, content)}
		kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
		version, _ := versions[0].(node)
		spec, _, err := unstructured.NestedMap(version, "schema", "openAPIV3Schema", "properties", "spec")
		if err != nil {
			t.Fatal(err)
		}
		all = appendRules(all, kind, "", spec)
	}
	return all
}

func appendRules(all []string, kind, path string, schema node) []string {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	for _, r := range rules {
		rule, _ := r.(node)
		all = append(all, fmt.Sprintf("%s %s: %s", kind, path, rule["message"]))
	}
	properties, _ := schema["properties"].(node)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if below, ok := properties[name].(node); ok {
			all = appendRules(all, kind, strings.TrimPrefix(path+"."+name, "."), below)
		}
	}
	if items, ok := schema["items"].(node); ok {
		all = appendRules(all, kind, path+"[0]", items)
	}
	return all
}
