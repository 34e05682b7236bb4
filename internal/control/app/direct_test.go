package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDirect(t *testing.T) {
	t.Run("levels reach their triggers through any replica and survive the leader", testLevelsReachTheirTriggersThroughAnyReplicaAndSurviveLeader)
}

func testLevelsReachTheirTriggersThroughAnyReplicaAndSurviveLeader(t *testing.T) {
	e := newEnv(t)
	text := strings.ReplaceAll(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: NS}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  cooldownPeriod: 0
  triggers:
  - {type: push, name: jobs, metadata: {threshold: 10}}
  - {type: webhook, name: builds, metadata: {hook: ci, key: body.build, while: 'body.state != "done"', threshold: 1}}
`, "NS", e.Namespace)
	if err := os.WriteFile(filepath.Join(e.dir, "web.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, e.options())
	a.awaitReady()
	b := start(t, e.options())
	b.awaitReady()
	push := func(r *running, body string, want int) {
		t.Helper()
		r.awaitAnswer(http.MethodPut, "/v1/namespaces/"+e.Namespace+"/scaledobjects/web/triggers/jobs", body, want)
	}
	call := func(r *running, body string) {
		t.Helper()
		r.awaitAnswer(http.MethodPost, "/v1/webhook/"+e.Namespace+"/ci", body, http.StatusOK)
	}
	push(a, `{"value": 32}`, http.StatusOK)
	e.AwaitReplicas("web", 4)
	push(b, `{"value": 21}`, http.StatusOK)
	push(b, `{"value": "many"}`, http.StatusBadRequest)
	e.AwaitReplicas("web", 3)
	for _, build := range []string{"a", "b", "c", "d", "d"} {
		call(b, `{"build": "`+build+`", "state": "queued"}`)
	}
	e.AwaitReplicas("web", 4)
	stays := e.ExpectReplicas("web", 4)
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	push(b, `{"value": 22}`, http.StatusOK) // It leads now.
	stays()
	call(b, `{"build": "a", "state": "done"}`)
	call(b, `{"build": "b", "state": "done"}`)
	e.AwaitReplicas("web", 3)
	push(b, `{"value": 0}`, http.StatusOK)
	e.AwaitReplicas("web", 2)
}
