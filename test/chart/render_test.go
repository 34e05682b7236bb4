package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
)

func TestRender(t *testing.T) {
	t.Parallel()
	t.Run("each set of values gives the expected objects, which decode strictly", testEachSetOfValuesGivesExpectedObjects)
	t.Run("every flag of the container exists, and extraArgs cannot repeat it", testEveryFlagOfContainerExistsAndExtraArgsCannotRepeatIt)
	t.Run("the definitions are those of deploy/crds, and are kept", testDefinitionsAreThoseOfDeployCRDsAndAreKept)
	t.Run("the certificate and the token are made once", testCertificateAndTokenAreMadeOnce)
	t.Run("a permission names what it is for", testPermissionNamesWhatItIsFor)
	t.Run("a rule has no wildcard unless a value asks for it", testRuleHasNoWildcardUnlessValueAsksForIt)
}

// always are the objects that every release has.
var always = []string{
	"ClusterRole/impulse", "ClusterRoleBinding/impulse", "Deployment/impulse", "FlowSchema/impulse-leader-election", "NetworkPolicy/impulse",
	"PodDisruptionBudget/impulse", "Role/impulse", "RoleBinding/impulse", "Secret/impulse-peers", "Secret/impulse-tokens", "Service/impulse",
	"ServiceAccount/impulse", "ClusterRole/impulse-viewer", "ClusterRoleBinding/impulse-viewer", "Role/impulse-live", "ServiceAccount/impulse-viewer",
}

// variant is a set of values, and what it adds to the objects of every release, or takes away from them.
type variant struct {
	name        string
	values      []string
	with, less  []string
	withoutCRDs bool
}

// variants cover every value that adds an object or a part of one.
var variants = []variant{
	{name: "defaults"},
	{
		name: "one namespace", values: set("scope.namespace=shop", "crds.install=false", "flowSchema.create=false"), withoutCRDs: true,
		with: []string{"Role/impulse-scaling", "Role/impulse-viewer", "RoleBinding/impulse-scaling", "RoleBinding/impulse-viewer"},
		less: []string{"ClusterRole/impulse", "ClusterRole/impulse-viewer", "ClusterRoleBinding/impulse", "ClusterRoleBinding/impulse-viewer", "FlowSchema/impulse-leader-election"},
	},
	{
		name: "one namespace, with everything", values: set("scope.namespace=shop", "rbac.customMetrics={pods/hits}", "rbac.credentials.shop.secrets={login}"),
		with: []string{
			"FlowSchema/impulse-system-impulse-leader-election", "Role/impulse-credentials", "Role/impulse-metrics-adapters", "Role/impulse-scaling",
			"RoleBinding/impulse-credentials", "RoleBinding/impulse-metrics-adapters", "RoleBinding/impulse-scaling", "Role/impulse-viewer", "RoleBinding/impulse-viewer",
		},
		less: []string{"ClusterRole/impulse", "ClusterRole/impulse-viewer", "ClusterRoleBinding/impulse", "ClusterRoleBinding/impulse-viewer", "FlowSchema/impulse-leader-election"},
	},
	{name: "the KEDA bridge", values: set("kedaBridge.enabled=true", "kedaBridge.image.tag=1.2.3", "kedaBridge.extraEnv[0].name=A", "kedaBridge.extraEnv[0].value=b")},
	{
		name: "KEDA's objects", values: set("watchKeda=true"),
		with: []string{"ClusterRole/impulse-watch-keda", "ClusterRoleBinding/impulse-watch-keda"},
	},
	{
		name: "the admission webhook", values: set("admission.enabled=true", "admission.failurePolicy=Fail"),
		with: []string{
			"ClusterRole/impulse-admission", "ClusterRoleBinding/impulse-admission", "Role/impulse-admission", "RoleBinding/impulse-admission",
			"Secret/impulse-admission", "Service/impulse-admission", "ValidatingWebhookConfiguration/impulse",
		},
	},
	{
		name: "metrics adapters", values: set("rbac.customMetrics={pods/hits,*/size}", "rbac.externalMetrics={orders}"),
		with: []string{"ClusterRole/impulse-metrics-adapters", "ClusterRoleBinding/impulse-metrics-adapters"},
	},
	{
		name:   "credentials of two namespaces",
		values: set("rbac.credentials.shop.secrets={login}", "rbac.credentials.shop.serviceAccountTokens={reader}", "rbac.credentials.bank.configMaps={*}", "rbac.credentials.bank.serviceAccounts={orders}"),
		with:   []string{"Role/impulse-credentials", "Role/impulse-credentials", "RoleBinding/impulse-credentials", "RoleBinding/impulse-credentials"},
	},
	{name: "notifications", values: set("notifications.existingSecret=sinks", "clusterName=prod-1")},
	{name: "TLS by a Secret", values: set("tls.existingSecret=web-tls", "tls.clientCASecret=ca", "credentials.existingSecret=senders")},
	{
		name: "TLS by cert-manager", values: set("tls.certManager.enabled=true", "tls.certManager.issuerRef.name=internal", "tls.dnsNames={impulse.example.com}"),
		with: []string{"Certificate/impulse"},
	},
	{name: "TLS by the chart", values: set("tls.generated.enabled=true"), with: []string{"Secret/impulse-generated-tls"}},
	{name: "tokens by a Secret", values: set("tokens.existingSecret=tokens"), less: []string{"Secret/impulse-tokens"}},
	{
		name: "tokens by values", values: set("tokens.values={shop=0123456789=,abcdefgh}"),
		with: []string{"Secret/impulse-given-tokens"}, less: []string{"Secret/impulse-tokens"},
	},
	{name: "credentials without tokens", values: set("tokens.enabled=false", "credentials.existingSecret=senders"), less: []string{"Secret/impulse-tokens"}},
	{
		name:   "ServiceMonitor",
		values: set("serviceMonitor.enabled=true", "serviceMonitor.labels.release=kps", "tls.generated.enabled=true"),
		with:   []string{"Secret/impulse-generated-tls", "ServiceMonitor/impulse"},
	},
	{
		name: "PodMonitor", values: set("podMonitor.enabled=true", "metricsToken.secretName=scrape", "podMonitor.relabelings[0].action=labeldrop", "podMonitor.relabelings[0].regex=pod"),
		with: []string{"PodMonitor/impulse"},
	},
	{
		name:   "alert rules and dashboard",
		values: set("prometheusRule.enabled=true", "prometheusRule.labels.release=kps", "grafanaDashboard.enabled=true", "grafanaDashboard.annotations.folder=Scaling"),
		with:   []string{"ConfigMap/impulse-dashboard", "PrometheusRule/impulse"},
	},
	{
		name: "nothing that is optional", withoutCRDs: true,
		values: set("crds.install=false", "rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=mine", "networkPolicy.enabled=false", "podDisruptionBudget.enabled=false", "flowSchema.create=false", "replicas=1"),
		less: []string{
			"ClusterRole/impulse", "ClusterRoleBinding/impulse", "FlowSchema/impulse-leader-election", "NetworkPolicy/impulse", "PodDisruptionBudget/impulse",
			"Role/impulse", "RoleBinding/impulse", "ServiceAccount/impulse", "ClusterRole/impulse-viewer", "ClusterRoleBinding/impulse-viewer", "Role/impulse-live",
			"ServiceAccount/impulse-viewer",
		},
	},
	{
		name: "every field of the Pod", values: []string{"--values", "test/chart/testdata/pod.yaml"},
		with: []string{"ServiceAccount/scaler"}, less: []string{"ServiceAccount/impulse"},
	},
}

func testEachSetOfValuesGivesExpectedObjects(t *testing.T) {
	t.Parallel()
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			all := render(t, v.values...)
			want := slices.DeleteFunc(slices.Concat(always, v.with), func(name string) bool { return slices.Contains(v.less, name) })
			if !v.withoutCRDs {
				for _, plural := range []string{"alertsets", "clustertriggerauthentications", "scaledobjects", "triggerauthentications"} {
					want = append(want, "CustomResourceDefinition/"+plural+".impulse.sh")
				}
			}
			slices.Sort(want)
			if got := names(all); !slices.Equal(got, want) {
				t.Errorf("got the objects\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for i := range all {
				decodeStrictly(t, &all[i])
			}
		})
	}
}

// foreign are the kinds whose types this module does not have. A real API server checks them.
var foreign = []string{"CustomResourceDefinition", "Certificate", "ServiceMonitor", "PodMonitor", "PrometheusRule"}

// decodeStrictly fails the test when an object has a field that its type does not have.
func decodeStrictly(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if slices.Contains(foreign, object.GetKind()) {
		return
	}
	text, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, json.SerializerOptions{Strict: true})
	if _, _, err := strict.Decode(text, nil, nil); err != nil {
		t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

// argsOf returns the arguments of the container of Impulse.
func argsOf(t *testing.T, all []unstructured.Unstructured) []string {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(find(t, all, "Deployment", "impulse").Object, "spec", "template", "spec", "containers")
	if err != nil {
		t.Fatal(err)
	}
	first, _ := containers[0].(map[string]any)
	args, _, err := unstructured.NestedStringSlice(first, "args")
	if err != nil {
		t.Fatal(err)
	}
	return args
}

func testEveryFlagOfContainerExistsAndExtraArgsCannotRepeatIt(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs/flags.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, flags, _ := strings.Cut(string(page), "\n## impulse run\n")
	flags, _, _ = strings.Cut(flags, "\n## ")
	found := map[string]bool{}
	for _, v := range variants {
		for _, arg := range argsOf(t, render(t, v.values...))[1:] {
			flag, _, _ := strings.Cut(arg, "=")
			if found[flag] {
				continue
			}
			found[flag] = true
			if !strings.Contains(flags, "`"+flag+"`") {
				t.Errorf("impulse run has no flag %s", flag)
			}
			if strings.HasPrefix(arg, "--filepath-root") { // Of extraArgs.
				continue
			}
			if message := refuse(t, set("extraArgs={"+flag+"=1}")...); !strings.Contains(message, "extraArgs has "+flag) {
				t.Errorf("extraArgs with %s: %s", flag, message)
			}
		}
	}
	if len(found) < 15 {
		t.Errorf("the variants have the flags %v, want 15 or more", found)
	}
}

func testDefinitionsAreThoseOfDeployCRDsAndAreKept(t *testing.T) {
	t.Parallel()
	rendered := render(t)
	files, err := filepath.Glob(filepath.Join(root, "deploy/crds/*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := decode(t, string(content))[0]
		annotations := want.GetAnnotations()
		annotations["helm.sh/resource-policy"] = "keep"
		want.SetAnnotations(annotations)
		got := find(t, rendered, want.GetKind(), want.GetName())
		if fmt.Sprint(got.Object) != fmt.Sprint(want.Object) {
			t.Errorf("%s is not that of deploy/crds with the annotation: run make generate", want.GetName())
		}
	}
}

func testCertificateAndTokenAreMadeOnce(t *testing.T) {
	t.Parallel()
	all := render(t, set("tls.generated.enabled=true")...)
	for _, name := range []string{"impulse-tokens", "impulse-generated-tls"} {
		secret := find(t, all, "Secret", name)
		if hook := secret.GetAnnotations()["helm.sh/hook"]; hook != "pre-install,pre-upgrade" {
			t.Errorf("%s has the hook %q: as a part of the release, a rollback would change it", name, hook)
		}
	}
}

func testPermissionNamesWhatItIsFor(t *testing.T) {
	t.Parallel()
	all := render(t, set("rbac.targets={deployments.apps,rollouts.argoproj.io}", "rbac.customMetrics={pods/hits}", "rbac.credentials.shop.secrets={login}")...)
	for _, c := range []struct{ kind, name, want string }{
		{"ClusterRole", "impulse", "map[apiGroups:[argoproj.io] resources:[rollouts/scale] verbs:[get patch]]"},
		{"ClusterRole", "impulse", "map[apiGroups:[apps] resources:[deployments/scale] verbs:[patch]]"},
		{"ClusterRole", "impulse", "map[apiGroups:[apiextensions.k8s.io] resourceNames:[rollouts.argoproj.io] resources:[customresourcedefinitions] verbs:[get]]"},
		{"ClusterRole", "impulse-metrics-adapters", "map[apiGroups:[custom.metrics.k8s.io] resources:[pods/hits] verbs:[get]]"},
		{"Role", "impulse-credentials", "map[apiGroups:[] resourceNames:[login] resources:[secrets] verbs:[list watch]]"},
	} {
		if rules := fmt.Sprint(find(t, all, c.kind, c.name).Object["rules"]); !strings.Contains(rules, c.want) {
			t.Errorf("%s %s has the rules %s, want %s among them", c.kind, c.name, rules, c.want)
		}
	}
}

func testRuleHasNoWildcardUnlessValueAsksForIt(t *testing.T) {
	t.Parallel()
	wildcard := regexp.MustCompile(`[\[ ]\*[\] ]`)
	for _, v := range variants {
		for _, o := range render(t, v.values...) {
			asked := strings.Contains(fmt.Sprint(v.values), "{*}")
			if rules := fmt.Sprint(o.Object["rules"]); strings.HasSuffix(o.GetKind(), "Role") && wildcard.MatchString(rules) && !asked {
				t.Errorf("%s: %s %s has a wildcard: %s", v.name, o.GetKind(), o.GetName(), rules)
			}
		}
	}
}
