package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	t.Run("an invalid source holds the count while another may raise it", testInvalidSourceHoldsCountWhileAnotherMayRaiseIt)
	t.Run("a target that is created later is scaled", testTargetThatIsCreatedLaterIsScaled)
	t.Run("Impulse writes nothing once a foreign HPA is created", testImpulseWritesNothingOnceForeignHPAIsCreated)
	t.Run("the second object on a target is refused until the first is deleted", testSecondObjectOnTargetIsRefusedUntilFirstIsDeleted)
	t.Run("deleting a ScaledObject leaves the count", testDeletingScaledObjectLeavesCount)
	t.Run("an invalid object reports every mistake at once", testInvalidObjectReportsEveryMistakeAtOnce)
	t.Run("kubectl get scaledobjects reads like kubectl get hpa", testKubectlGetScaledobjectsReadsLikeKubectlGetHpa)
}

// source is a server whose answers to queries a test sets: faults that a healthy Prometheus cannot produce.
type source struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
}

func newSource(t *testing.T) *source {
	t.Helper()
	s := &source{}
	s.value("0")
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.answer.Load())(w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *source) set(f http.HandlerFunc) { s.answer.Store(&f) }

// value answers as Prometheus does, with one element.
func (s *source) value(v string) {
	s.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,%q]}]}}`, v)
	})
}

// onQuery returns a ScaledObject with a query and an alert.
func onQuery(name, address string) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  minReplicaCount: 1
  maxReplicaCount: 10
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - {type: prometheus, metadata: {serverAddress: '%[2]s', query: load, threshold: 1, timeout: 1s}}
  - {type: alertmanager, metadata: {matchers: 'alertname="%[1]s"', replicas: 7}}
`, name, address)
}

func testInvalidSourceHoldsCountWhileAnotherMayRaiseIt(t *testing.T) {
	faults := map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>login</html>") },
		"500":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // Until it is read, the server does not notice that the client has gone.
			<-r.Context().Done()
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		},
		"no value": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			e, s := newEnv(t), newSource(t)
			s.value("4")
			e.ApplyDeployment("web", 1)
			e.Apply(onQuery("web", s.URL))
			i := e.run()
			e.AwaitReplicas("web", 4)
			s.set(fault)
			e.condition("web", "Ready", "False", "TriggerFailed")
			e.webhook(i, "web", "firing")
			e.AwaitReplicas("web", 7)
			e.webhook(i, "web", "resolved")
			holds := e.ExpectReplicas("web", 7)
			s.value("NaN")
			e.until("NaN is the reason", func(ctx context.Context) (bool, error) {
				return strings.Contains(e.Describe(ctx, "web"), "NaN"), nil
			}, func() string { return e.Describe(e.t.Context(), "web") })
			holds()
			s.value("2")
			e.AwaitReplicas("web", 2)
			e.condition("web", "Ready", "True", "Ready")
		})
	}
}

func testTargetThatIsCreatedLaterIsScaled(t *testing.T) {
	e := newEnv(t)
	e.Apply(onAlert("late"))
	i := e.run()
	e.condition("late", "AbleToScale", "False", "TargetNotFound")
	e.webhook(i, "late", "firing")
	e.ApplyDeployment("late", 1)
	e.AwaitReplicas("late", 5)
	e.condition("late", "AbleToScale", "True", "ReadyToScale")
}

func testImpulseWritesNothingOnceForeignHPAIsCreated(t *testing.T) {
	const hpa = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: theirs}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(hpa)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "AbleToScale", "False", "ForeignHPA")
	yields := e.ExpectReplicas("web", 1)
	e.webhook(i, "web", "firing")
	yields()
	if out, err := e.Kubectl(e.t.Context(), "", "delete", "hpa", "theirs"); err != nil {
		t.Fatal(out, err)
	}
	e.AwaitReplicas("web", 5)
	e.Apply(hpa)
	e.condition("web", "AbleToScale", "False", "ForeignHPA")
}

func testSecondObjectOnTargetIsRefusedUntilFirstIsDeleted(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "Ready", "True", "Ready")
	e.Apply(strings.Replace(onAlert("second"), "scaleTargetRef: {name: second}", "scaleTargetRef: {name: web}", 1))
	e.condition("second", "Ready", "False", "TargetInUse")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	if err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.condition("second", "Ready", "True", "Ready")
}

func testDeletingScaledObjectLeavesCount(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "Ready", "True", "Ready")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	stays := e.ExpectReplicas("web", 5)
	if err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.webhook(i, "web", "resolved")
	stays()
}

func testInvalidObjectReportsEveryMistakeAtOnce(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(strings.NewReplacer("matchers:", "matcher:", "replicas: 5", "replicas: many").Replace(onAlert("web")))
	e.run()
	e.condition("web", "Ready", "False", "InvalidSpec")
	text := e.Describe(e.t.Context(), "web")
	for _, want := range []string{"matcher", `"matchers"`, "many"} {
		if !strings.Contains(text, want) {
			t.Errorf("the status lacks %s:\n%s", want, text)
		}
	}
}

func testKubectlGetScaledobjectsReadsLikeKubectlGetHpa(t *testing.T) {
	e := newEnv(t)
	s := newSource(t)
	s.value("3")
	e.ApplyDeployment("web", 1)
	e.Apply(onQuery("web", s.URL))
	e.run()
	e.AwaitReplicas("web", 3)
	e.until("the row is whole", func(ctx context.Context) (bool, error) {
		out, err := e.Kubectl(ctx, "", "get", "so")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if err != nil || len(lines) != 2 {
			return false, err
		}
		if got := strings.Join(strings.Fields(lines[0]), " "); got != "NAME REFERENCE TARGETS MIN MAX REPLICAS DESIRED READY ACTIVE PAUSED REASON AGE" {
			return false, fmt.Errorf("the header is %s", got)
		}
		return strings.HasPrefix(strings.Join(strings.Fields(lines[1]), " "), "web Deployment/web 3/1, 0 1 10 3 3 "+strings.Repeat("True ", 2)+"False "), nil
	}, func() string { out, _ := e.Kubectl(e.t.Context(), "", "get", "so"); return out })
}
