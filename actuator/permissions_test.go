package actuator_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	t.Run("a forbidden resource affects no other", testForbiddenResourceAffectsNoOther)
	t.Run("a custom resource is scaled without the permission to read its definition", testCustomResourceIsScaledWithoutPermissionToReadItsDefinition)
}

// as returns a client for a user who has only the permissions of rules, in the test's namespace.
func (e *env) as(name, rules string, options actuator.Options) *actuator.Client {
	e.t.Helper()
	e.allow(name, name, rules)
	config := rest.CopyConfig(e.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: e.namespace + "-" + name, Groups: []string{"system:authenticated"}}
	options.Namespace = e.namespace
	return newClient(e.t, config, options)
}

// allow creates a Role of the test's namespace with these rules, and binds it to a user.
func (e *env) allow(role, user, rules string) {
	e.t.Helper()
	e.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ` + role + `}
rules: ` + rules)
	e.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ` + role + `}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ` + role + `}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ` + e.namespace + `-` + user + `}]`)
}

// scaleDeploymentsRules are the permissions that scaling Deployments needs.
const scaleDeploymentsRules = `
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch]}
- {apiGroups: [apps], resources: [deployments/scale], verbs: [get, patch]}`

func testForbiddenResourceAffectsNoOther(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var log logRecord
	c := e.as("half", scaleDeploymentsRules, actuator.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	allowed := e.target(e.deployment("web", "2"))
	forbidden := e.target(e.apply(workload("apps/v1", "StatefulSet", "db", "2")))
	of := authorizationv1.ResourceAttributes{Namespace: e.namespace, Verb: "get", Group: "apps", Resource: "deployments"}
	sandbox.AwaitAccess(t, kubernetes.NewForConfigOrDie(e.config), e.namespace+"-half", of, true) // Until then, errors have another text.
	bad := watch(t, c, forbidden, actuator.WatchOptions{})
	bad.until("the StatefulSet is forbidden", func(o actuator.Observation) bool { return errors.Is(o.Err, actuator.ErrForbidden) })

	v := watch(t, c, allowed, actuator.WatchOptions{Pods: true})
	observed := v.awaitCount(2)
	v.until("pods are forbidden", func(o actuator.Observation) bool {
		return o.Ready == -1 && errors.Is(o.ReadyErr, actuator.ErrForbidden)
	})
	set(t, c, allowed, observed, 3)
	v.awaitCount(3)
	if _, err := c.Set(t.Context(), forbidden, actuator.Scale{UID: "x", Replicas: 2}, 3); !errors.Is(err, actuator.ErrForbidden) {
		t.Errorf("Set: %v, want ErrForbidden", err)
	}
	if n := strings.Count(log.String(), "resource=horizontalpodautoscalers"); n != 1 {
		t.Errorf("logged %d times that HPAs cannot be read, want once:\n%s", n, log.String())
	}

	e.allow("half-more", "half", `
- {apiGroups: [apps], resources: [statefulsets], verbs: [list, watch]}
- {apiGroups: [apps], resources: [statefulsets/scale], verbs: [patch]}
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}`)
	set(t, c, forbidden, bad.awaitCount(2), 1)
	bad.awaitCount(1)
	v.until("pods are allowed", func(o actuator.Observation) bool { return o.Ready == 3 && o.ReadyErr == nil })
}

func testCustomResourceIsScaledWithoutPermissionToReadItsDefinition(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.widgets()
	c := e.as("bare", `
- {apiGroups: ["`+e.namespace+`.impulse.test"], resources: [widgets], verbs: [list, watch]}
- {apiGroups: ["`+e.namespace+`.impulse.test"], resources: [widgets/scale], verbs: [get, patch]}`, actuator.Options{})
	target := e.target(e.parse(e.widget("web", "{}")))
	v := watch(t, c, target, actuator.WatchOptions{})
	v.until("the widget is missing", isMissing)
	o := e.apply(e.widget("web", "{fleet: {size: 2}}"))
	observed := v.awaitCount(2)
	observed = set(t, c, target, observed, 0)
	v.awaitCount(0)
	set(t, c, target, observed, 3)
	v.awaitCount(3)
	e.patch(o, `{"spec": {"fleet": {"size": 6}}}`)
	v.awaitCount(6)
	e.patch(o, `{"spec": {"fleet": null}}`)
	v.until("its count is unknown", func(o actuator.Observation) bool { return o.Err != nil })
	e.patch(o, `{"spec": {"fleet": {"size": 1}}}`)
	v.awaitCount(1)
	e.remove(o)
	v.until("the widget is missing again", isMissing)
}

// logRecord stores what was logged.
type logRecord struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *logRecord) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *logRecord) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}
