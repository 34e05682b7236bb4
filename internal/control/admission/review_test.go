package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestReview(t *testing.T) {
	t.Run("all mistakes are in one refusal, each with its field and a suggestion", testAllMistakesAreInOneRefusal)
	t.Run("what is suspicious or concerns other objects is judged", testSuspiciousAndOtherObjectsAreJudged)
	t.Run("an update that leaves the spec as it is, a deletion and an object from KEDA are admitted", testUpdatesThatLeaveSpecAreAdmitted)
	t.Run("a conflict that an update does not cause is a warning", testConflictThatUpdateDoesNotCauseIsWarning)
	t.Run("containers without requests are refused, unless a LimitRange sets them", testContainersWithoutRequestsAreRefused)
	t.Run("mistakes in an authentication are refused", testMistakesInAuthenticationAreRefused)
	t.Run("warnings and mistakes are bounded", testWarningsAndMistakesAreBounded)
	t.Run("what is no review is answered with an error", testWhatIsNoReviewIsAnsweredWithError)
}

// env is a Reviewer with what it reads of the cluster.
type env struct {
	t              *testing.T
	claimant, hpa  string
	authentication manifest.Access
	missing        bool
	pod            *corev1.PodSpec
	defaulted      bool
	limitErr       error
	bridge         bool
}

func (e *env) reviewer() *Reviewer {
	return NewReviewer(Options{
		Cluster: manifest.Cluster{
			Kinds: builtin.Kinds(), Settings: compile.DefaultSettings(), KEDABridge: e.bridge,
			Authentication: func(string) (manifest.Access, bool) { return e.authentication, !e.missing },
		},
		Claimant:       func(actuator.Target, types.NamespacedName) string { return e.claimant },
		HPA:            func(actuator.Target) string { return e.hpa },
		PodSpec:        func(context.Context, actuator.Target) *corev1.PodSpec { return e.pod },
		DefaultRequest: func(context.Context, string, corev1.ResourceName) (bool, error) { return e.defaulted, e.limitErr },
		Registry:       prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
}

// object returns the JSON of a ScaledObject. text is in braces, such as {spec: {…}}; it may set metadata.
func (e *env) object(kind, text string) runtime.RawExtension {
	e.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	var o map[string]any
	if err != nil || json.Unmarshal(raw, &o) != nil {
		e.t.Fatalf("%s: %v", text, err)
	}
	metadata, _ := o["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["name"], metadata["namespace"], o["metadata"] = "web", "shop", metadata
	o["apiVersion"], o["kind"] = "impulse.sh/v1alpha1", kind
	if raw, err = json.Marshal(o); err != nil {
		e.t.Fatal(err)
	}
	return runtime.RawExtension{Raw: raw}
}

// review sends a review to the Reviewer, and returns its response. old is "" for a new object.
func (e *env) review(kind, text, old string) *admissionv1.AdmissionResponse {
	e.t.Helper()
	request := &admissionv1.AdmissionRequest{
		UID: "1", Operation: admissionv1.Create, Namespace: "shop", Name: "web", Kind: metav1.GroupVersionKind{Group: "impulse.sh", Version: "v1alpha1", Kind: kind},
		Object: e.object(kind, text),
	}
	if old != "" {
		request.Operation, request.OldObject = admissionv1.Update, e.object(kind, old)
	}
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	e.reviewer().ServeHTTP(answer, httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, Path, bytes.NewReader(body)))
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(answer.Body.Bytes(), &review); err != nil || review.Response == nil || review.Response.UID != "1" || review.APIVersion != "admission.k8s.io/v1" {
		e.t.Fatalf("%s: got %d %s", text, answer.Code, answer.Body)
	}
	return review.Response
}

const (
	head = "scaleTargetRef: {name: web}, minReplicaCount: 1, triggers: "
	good = "{spec: {" + head + "[{type: push, metadata: {threshold: 5}}]}}"
	cpu  = "{spec: {" + head + "[{type: cpu, metadata: {value: 60}}]}}"
)

func testAllMistakesAreInOneRefusal(t *testing.T) {
	e := &env{t: t}
	r := e.review("ScaledObject", "{spec: {"+head+"[{type: prometheus, metadata: {serverAddress: 'http://p:9090', query: up, treshold: 5}}, {type: crom}, {type: cpu, metadata: {value: many}}]}}", "")
	if r.Allowed || r.Result.Code != http.StatusUnprocessableEntity || r.Result.Reason != metav1.StatusReasonInvalid {
		t.Fatalf("got %+v", r)
	}
	for _, want := range []string{
		`spec.triggers[0].metadata.treshold: is not a parameter of this trigger (did you mean "threshold"?)`,
		`spec.triggers[1].type: unknown trigger type "crom" (did you mean "cron"?)`, "spec.triggers[2].metadata.value: ",
	} {
		if !strings.Contains(r.Result.Message, want) {
			t.Errorf("the message %s has no %q", r.Result.Message, want)
		}
		field, message, _ := strings.Cut(want, ": ")
		if !slices.ContainsFunc(r.Result.Details.Causes, func(c metav1.StatusCause) bool { return c.Field == field && strings.Contains(c.Message, message) }) {
			t.Errorf("the causes %v have no %s: %s", r.Result.Details.Causes, field, message)
		}
	}
}

func testSuspiciousAndOtherObjectsAreJudged(t *testing.T) {
	for what, c := range map[string]struct {
		env     env
		text    string
		refused string
		warned  []string
	}{
		"a good object":        {text: good},
		"a second object":      {env: env{claimant: "other"}, text: good, refused: "spec.scaleTargetRef: ScaledObject other scales the same Deployment (remove one of the two)"},
		"an HPA":               {env: env{hpa: "web"}, text: good, refused: "spec.scaleTargetRef: HorizontalPodAutoscaler web scales the same Deployment"},
		"an HPA and dryRun":    {env: env{hpa: "web"}, text: strings.Replace(good, "{spec: {", "{spec: {dryRun: true, ", 1), warned: []string{"HorizontalPodAutoscaler web scales"}},
		"an HPA being adopted": {env: env{hpa: "web"}, text: strings.Replace(good, "{", "{metadata: {managedFields: [{manager: impulse-adopt}]}, ", 1), warned: []string{"HorizontalPodAutoscaler"}},
		"a missing authentication": {
			env: env{missing: true}, text: "{spec: {" + head + "[{type: push, metadata: {threshold: 5}, authenticationRef: {name: login}}]}}",
			warned: []string{"spec.triggers[0].authenticationRef: TriggerAuthentication shop/login does not exist (the trigger will be unknown unti…"},
		},
		"an authentication of other namespaces": {
			env: env{authentication: manifest.Access{Namespaces: []string{"bank"}}}, warned: []string{"does not allow namespace shop"},
			text: "{spec: {" + head + "[{type: push, metadata: {threshold: 5}, authenticationRef: {name: login, kind: ClusterTriggerAuthentication}}]}}",
		},
		"an annotation that nobody reads": {
			text:   strings.Replace(good, "{", "{metadata: {annotations: {impulse.sh/puased: 'true'}}, ", 1),
			warned: []string{`metadata.annotations.impulse.sh/puased: unknown annotation (did you mean "impulse.sh/paused"?)`},
		},
		"lint": {text: strings.Replace(good, "[{", "[{type: memory, metadata: {value: 60}}, {", 1), warned: []string{"spec.triggers[0].type: memory rarely scales down"}},
	} {
		c.env.t = t
		r := c.env.review("ScaledObject", c.text, "")
		if r.Allowed != (c.refused == "") || !r.Allowed && !strings.Contains(r.Result.Message, c.refused) {
			t.Errorf("%s: got allowed %t, %v; want the refusal %q", what, r.Allowed, r.Result, c.refused)
		}
		if len(r.Warnings) != len(c.warned) {
			t.Errorf("%s: got the warnings %q, want %q", what, r.Warnings, c.warned)
			continue
		}
		for i, want := range c.warned {
			if !strings.Contains(r.Warnings[i], want) {
				t.Errorf("%s: got the warning %q, want %q", what, r.Warnings[i], want)
			}
		}
	}
	for _, bridge := range []bool{false, true} {
		e := &env{t: t, bridge: bridge}
		r := e.review("ScaledObject", "{spec: {"+head+"[{type: beanstalkd, metadata: {server: 'a:1', tube: b, value: 5}}]}}", "")
		warned := strings.Contains(strings.Join(r.Warnings, "\n"), "KEDA bridge")
		if !r.Allowed || warned == bridge {
			t.Errorf("KEDA's type, with a bridge %t: got %+v, want a warning only without one", bridge, r)
		}
	}
}

func testUpdatesThatLeaveSpecAreAdmitted(t *testing.T) {
	bad := "{spec: {" + head + "[{type: push, metadata: {threshold: 5, more: 1}}]}}"
	with := func(metadata, text string) string {
		return strings.Replace(text, "{", "{metadata: {"+metadata+"}, ", 1)
	}
	for what, c := range map[string]struct {
		text, old string
		allowed   bool
		warnings  int
	}{
		"a new finalizer":        {with("finalizers: [impulse.sh/restore]", bad), bad, true, 1},
		"a status":               {strings.Replace(bad, "{", "{status: {replicas: 1}, ", 1), bad, true, 1},
		"a broken pause":         {with("annotations: {impulse.sh/paused: ture}", good), good, true, 1},
		"the deletion":           {with("deletionTimestamp: '2026-01-01T00:00:00Z'", bad), with("deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [a]", good), true, 0},
		"an object of KEDA":      {with("labels: {impulse.sh/from-keda: 'true'}", bad), good, true, 0},
		"a change of the spec":   {bad, good, false, 0},
		"a mistake that remains": {strings.Replace(bad, "minReplicaCount: 1", "minReplicaCount: 2", 1), bad, false, 0},
		"a correction":           {good, bad, true, 0},
	} {
		e := &env{t: t}
		if r := e.review("ScaledObject", c.text, c.old); r.Allowed != c.allowed || len(r.Warnings) != c.warnings {
			t.Errorf("%s: got %+v, want allowed %t and %d warnings", what, r, c.allowed, c.warnings)
		}
	}
}

func testConflictThatUpdateDoesNotCauseIsWarning(t *testing.T) {
	more := strings.Replace(good, "minReplicaCount: 1", "minReplicaCount: 2", 1)
	elsewhere := strings.Replace(good, "name: web", "name: api", 1)
	for _, e := range []*env{{t: t, claimant: "other"}, {t: t, hpa: "web"}} {
		if r := e.review("ScaledObject", more, good); !r.Allowed || len(r.Warnings) != 1 {
			t.Errorf("another minimum: got %+v, want a warning", r)
		}
		if r := e.review("ScaledObject", elsewhere, good); r.Allowed {
			t.Errorf("another target: got %+v, want a refusal", r)
		}
	}
}

func testContainersWithoutRequestsAreRefused(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	amount := corev1.ResourceList{corev1.ResourceCPU: {}}
	requests, limits := corev1.ResourceRequirements{Requests: amount}, corev1.ResourceRequirements{Limits: amount}
	lacking := &corev1.PodSpec{
		Containers:     []corev1.Container{{Name: "app", Resources: requests}, {Name: "proxy"}, {Name: "log", Resources: limits}},
		InitContainers: []corev1.Container{{Name: "sidecar", RestartPolicy: &always}, {Name: "setup"}},
	}
	whole := lacking.DeepCopy()
	whole.Resources = &requests
	named := func(name string) string {
		return strings.Replace(cpu, "value: 60", "value: 60, containerName: "+name, 1)
	}
	sentence := "spec.triggers[0]: needs the cpu requests of the pods, and containers proxy, sidecar of Deployment web has none"
	for what, c := range map[string]struct {
		env     env
		text    string
		refused string
		warned  string
	}{
		"no requests":              {env{pod: lacking}, cpu, sentence, ""},
		"a LimitRange":             {env{pod: lacking, defaulted: true}, cpu, "", ""},
		"unreadable LimitRanges":   {env{pod: lacking, limitErr: errors.New("forbidden")}, cpu, "", "needs the cpu requests"},
		"no such target yet":       {env{}, cpu, "", ""},
		"requests of the pod":      {env{pod: whole}, cpu, "", ""},
		"an amount":                {env{pod: lacking}, strings.Replace(cpu, "type: cpu", "type: cpu, metricType: AverageValue", 1), "", ""},
		"a container with one":     {env{pod: lacking}, named("app"), "", ""},
		"a container without one":  {env{pod: lacking}, named("proxy"), "container proxy of Deployment web has none", ""},
		"a container that is none": {env{pod: lacking}, named("ap"), "", "spec.triggers[0].metadata.containerName: Deployment web has no container ap"},
	} {
		c.env.t = t
		r := c.env.review("ScaledObject", c.text, "")
		if r.Allowed != (c.refused == "") || !r.Allowed && !strings.Contains(r.Result.Message, c.refused) {
			t.Errorf("%s: got allowed %t, %v; want the refusal %q", what, r.Allowed, r.Result, c.refused)
		}
		if text := strings.Join(r.Warnings, "; "); (text == "") != (c.warned == "") || !strings.Contains(text, c.warned) {
			t.Errorf("%s: got the warnings %q, want %q", what, r.Warnings, c.warned)
		}
	}
}

func testMistakesInAuthenticationAreRefused(t *testing.T) {
	e := &env{t: t}
	for text, want := range map[string]string{
		"{spec: {podIdentity: {provider: aws, externalID: a}}}":                       "spec.podIdentity.externalID: has no roleArn",
		"{spec: {awsSecretManager: {region: a, secrets: [{parameter: a, name: b}]}}}": "spec.awsSecretManager: has neither credentials nor a podIdentity",
		"{spec: {secretTargetRef: [{parameter: a, name: b, key: c}]}}":                "",
	} {
		r := e.review("TriggerAuthentication", text, "")
		if r.Allowed != (want == "") || want != "" && !strings.Contains(r.Result.Message, want) {
			t.Errorf("%s: got %+v, want %q", text, r, want)
		}
	}
	r := e.review("ClusterTriggerAuthentication", "{spec: {secretTargetRef: [{parameter: a, name: b, key: c}]}}", "")
	if !r.Allowed || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "spec.allowedNamespaces: is empty") {
		t.Errorf("an authentication that nobody may use: got %+v, want a warning", r)
	}
}

func testWarningsAndMistakesAreBounded(t *testing.T) {
	var annotations, parameters []string
	for i := range 60 {
		annotations = append(annotations, fmt.Sprintf("impulse.sh/nothing-%s-%d: a", strings.Repeat("ä", 80), i))
		parameters = append(parameters, fmt.Sprintf("p%d: 1", i))
	}
	e := &env{t: t}
	r := e.review("ScaledObject", strings.Replace(good, "{", "{metadata: {annotations: {"+strings.Join(annotations, ", ")+"}}, ", 1), "")
	if len(r.Warnings) != maxWarnings+1 || r.Warnings[maxWarnings] != "and 50 more: impulse check" {
		t.Errorf("got %d warnings, %q", len(r.Warnings), r.Warnings)
	}
	for _, w := range r.Warnings {
		if len(w) > 120 {
			t.Errorf("the warning %q has %d bytes", w, len(w))
		}
	}
	r = e.review("ScaledObject", "{spec: {"+head+"[{type: push, metadata: {threshold: 5, "+strings.Join(parameters, ", ")+"}}]}}", "")
	if r.Allowed || len(r.Result.Details.Causes) != maxMistakes+1 || !strings.HasSuffix(r.Result.Message, "; and 10 more: impulse check") {
		t.Errorf("got %+v, want %d causes and the number of the rest", r.Result, maxMistakes+1)
	}
}

func testWhatIsNoReviewIsAnsweredWithError(t *testing.T) {
	s := (&env{t: t}).reviewer()
	for body, want := range map[string]string{
		"": "decode the AdmissionReview", "{}": "admission.k8s.io/v1", `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}`: "with a request",
		`{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": {}}`:                                 "admission.k8s.io/v1",
		`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"operation": "CREATE", "object": null}}`: "decode the object",
		strings.Repeat(" ", maxBody+1): "too large",
	} {
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, Path, strings.NewReader(body)))
		if answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%.80s: got %d %s, want 400 and %q", body, answer.Code, answer.Body, want)
		}
	}
}
