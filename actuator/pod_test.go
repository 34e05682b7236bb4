package actuator

import (
	"math"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPod(t *testing.T) {
	t.Parallel()
	t.Run("the cached part of a pod is what an HPA reads", testCachedPartOfPodIsWhatHPAReads)
}

func amounts(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	if cpu != "" {
		list[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return list
}

func testCachedPartOfPodIsWhatHPAReads(t *testing.T) {
	t.Parallel()
	started, since := time.Unix(1000, 0), time.Unix(1030, 0)
	always := corev1.ContainerRestartPolicyAlways
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", DeletionTimestamp: &metav1.Time{Time: since}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{
				{Name: "migrate", Resources: corev1.ResourceRequirements{Requests: amounts("4", "1Gi")}},
				{Name: "proxy", RestartPolicy: &always, Resources: corev1.ResourceRequirements{Requests: amounts("50m", "")}},
			},
			Containers: []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: amounts("0.0001", "1Ki")}}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: started},
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
				{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: metav1.Time{Time: since}},
			},
		},
	}
	want := Pod{
		Name: "web", Phase: corev1.PodRunning, Deleting: true, Ready: corev1.ConditionFalse, ReadySince: since, Started: started,
		Containers: []Container{{"app", Requests{CPU: 1, Memory: 1_024_000}}, {"proxy", Requests{CPU: 50, Memory: -1}}},
	}
	if got := trimPod(pod).Pod; !reflect.DeepEqual(got, want) {
		t.Errorf("kept %+v, want %+v", got, want)
	}
	pod.Spec.Containers[0].Resources.Requests = amounts("10P", "10P")
	want.Containers[0].Requests = Requests{CPU: math.MaxInt64, Memory: math.MaxInt64} // More than fits is not nothing.
	if got := trimPod(pod).Pod; !reflect.DeepEqual(got, want) {
		t.Errorf("of more than fits: kept %+v, want %+v", got, want)
	}
	pod.Spec.Resources = &corev1.ResourceRequirements{Requests: amounts("2", "")}
	pod.Spec.Overhead = amounts("100m", "10Mi")
	want.PodLevel, want.Requests = true, Requests{CPU: 2100, Memory: -1}
	if got := trimPod(pod).Pod; !reflect.DeepEqual(got, want) {
		t.Errorf("with requests of its own: kept %+v, want %+v", got, want)
	}
}
