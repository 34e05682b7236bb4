package e2e

import "testing"

func testAnnotationsPauseUnderLoad(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 4)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	e.annotate("web", "autoscaling.keda.sh/paused-replicas=0")
	e.run("--watch-keda")
	e.kedaCondition("web", "Paused", "True", "")
	e.kedaCondition("web", "Ready", "True", "")
	if n := e.count(t.Context(), "web"); n != 0 {
		t.Errorf("got %d replicas of an object that is paused at 0, want 0", n)
	}
	e.annotate("web", "autoscaling.keda.sh/paused-replicas-")
	e.AwaitReplicas("web", 4)
	e.annotate("web", "autoscaling.keda.sh/paused-scale-in=true")
	e.kedaCondition("web", "Paused", "True", "paused-scale-in")
	s.level.Store(1)
	e.kedaCondition("web", "Ready", "True", "")
	stop := e.ExpectReplicas("web", 4)
	e.annotate("web", "autoscaling.keda.sh/paused=true", "autoscaling.keda.sh/paused-scale-in-")
	e.kedaCondition("web", "Paused", "True", "the annotation autoscaling.keda.sh/paused keeps")
	stop()
	e.annotate("web", "autoscaling.keda.sh/paused-")
	e.AwaitReplicas("web", 1)
}

func testPausedReplicasIsExactAndStrongerThanPaused(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 4)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	e.annotate("web", "autoscaling.keda.sh/paused=true")
	e.run("--watch-keda")
	stop := e.ExpectReplicas("web", 0)
	e.kedaCondition("web", "Paused", "True", "")
	e.kedaCondition("web", "Ready", "True", "")
	stop()
	e.annotate("web", "autoscaling.keda.sh/paused-replicas=7") // It is above the maximum.
	e.AwaitReplicas("web", 7)
	e.annotate("web", "--overwrite", "autoscaling.keda.sh/paused-replicas=3")
	e.AwaitReplicas("web", 3)
	stop = e.ExpectReplicas("web", 3)
	e.annotate("web", "autoscaling.keda.sh/paused-replicas-")
	e.kedaCondition("web", "Paused", "True", "the annotation autoscaling.keda.sh/paused keeps")
	stop()
	e.annotate("web", "--overwrite", "autoscaling.keda.sh/paused=false")
	e.AwaitReplicas("web", 4)
}

// It also keeps an idle workload from being started, and lets the count go down.
func testPausedScaleOutKeepsFromGoingUp(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 4)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	e.annotate("web", "autoscaling.keda.sh/paused-scale-out=true")
	stop := e.ExpectReplicas("web", 0)
	e.run("--watch-keda")
	e.kedaCondition("web", "Paused", "True", "paused-scale-out")
	e.kedaCondition("web", "Ready", "True", "")
	stop()
	e.annotate("web", "autoscaling.keda.sh/paused-scale-out-")
	e.AwaitReplicas("web", 4)
	e.annotate("web", "autoscaling.keda.sh/paused-scale-out=true")
	e.kedaCondition("web", "Paused", "True", "paused-scale-out")
	s.level.Store(2)
	e.AwaitReplicas("web", 2)
	s.level.Store(0)
	e.AwaitReplicas("web", 0)
}
