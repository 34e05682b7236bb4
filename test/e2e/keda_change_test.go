package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func testForceActivationStartsIdleWorkload(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 0)
	e.ApplyDeployment("web", 2)
	e.Apply(polled("web", "  idleReplicaCount: 0\n  minReplicaCount: 2\n  maxReplicaCount: 5\n", "", s.trigger("a", "1")))
	e.run("--watch-keda")
	e.AwaitReplicas("web", 0)
	e.annotate("web", "autoscaling.keda.sh/force-activation=true")
	e.AwaitReplicas("web", 2)
	e.kedaCondition("web", "Active", "True", "")
	e.annotate("web", "autoscaling.keda.sh/force-activation-")
	e.AwaitReplicas("web", 0)
}

// Each change is one of the whole object, as kubectl apply and Helm make it.
func testLiveObjectFollowsChangesOfItsNumbers(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 100)
	e.ApplyDeployment("web", 0)
	e.run("--watch-keda")
	for _, c := range []struct {
		least, most int
		target      string
		want        int32
	}{{0, 1, "10", 1}, {0, 4, "10", 4}, {0, 20, "10", 10}, {0, 20, "50", 2}, {3, 20, "50", 3}, {0, 20, "100", 1}} {
		e.Apply(polled("web", fmt.Sprintf("  minReplicaCount: %d\n  maxReplicaCount: %d\n", c.least, c.most), "", s.trigger("a", c.target)))
		e.AwaitReplicas("web", c.want)
	}
	s.level.Store(0)
	e.AwaitReplicas("web", 0)
}

// The source lets in only who has the newest token. The authentication comes after the object, and then names another key.
func testAuthenticationIsChangedUnderLiveObject(t *testing.T) {
	e := newKEDAEnv(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer first":
			fmt.Fprint(w, `{"waiting": 2}`)
		case "Bearer second":
			fmt.Fprint(w, `{"waiting": 5}`)
		default:
			http.Error(w, "who are you", http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	trigger := fmt.Sprintf("\n  - {type: metrics-api, metadata: {url: '%s', valueLocation: waiting, targetValue: '1', authMode: bearer}, authenticationRef: {name: login}}", server.URL)
	e.ApplyDeployment("web", 1)
	e.Apply(polled("web", "  maxReplicaCount: 10\n", "", trigger))
	e.run("--watch-keda")
	e.kedaCondition("web", "Ready", "False", "login")
	authentication := `
apiVersion: v1
kind: Secret
metadata: {name: tokens}
stringData: {a: first, b: second}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: login}
spec: {secretTargetRef: [{parameter: token, name: tokens, key: a}]}
`
	e.Apply(authentication)
	e.AwaitReplicas("web", 2)
	e.kedaCondition("web", "Ready", "True", "")
	e.Apply(strings.Replace(authentication, "key: a}", "key: b}", 1))
	e.AwaitReplicas("web", 5)
}
