package source

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// adapterTriggers is the number of triggers that read a metrics adapter. Each request to it passes through the API server, the adapter
	// and Prometheus, which share the cores.
	adapterTriggers = 100
	// podsTriggers is the number of kubernetes-pods triggers. For each request the adapter lists the pods, with at most five requests per second.
	podsTriggers = 5
	// cpuOfPod and memoryOfPod are what each pod requests and uses.
	cpuOfPod, memoryOfPod = "100m", "64Mi"
	// hits is the metric that the adapter serves.
	hits = "hits"
)

// Workload returns the name of the workload whose trigger reads level i.
func Workload(i int) string { return fmt.Sprintf("app-%04d", i) }

// startKubernetes creates a running pod for each workload, and writes a series to Prometheus for each level that the triggers of the metrics adapter
// read.
func startKubernetes(ctx context.Context, h *Host) ([]Source, error) {
	address := h.Sandbox.Kubeconfig + "\n" + h.Namespace
	kube, _, err := openCluster(address)
	if err != nil {
		return nil, err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := kube.CoreV1().ServiceAccounts(h.Namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create the service account: %w", err)
	}
	if err := h.each(ctx, func(ctx context.Context, i int) error {
		return createPod(ctx, kube, h.Namespace, Workload(i), Workload(i))
	}); err != nil {
		return nil, err
	}
	if err := h.awaitUsage(ctx, address); err != nil {
		return nil, err
	}
	percent := func(int) map[string]string { return map[string]string{"value": "100"} }
	sources := []Source{
		{Name: "cpu", Type: "cpu", Address: address, Shared: true, Metadata: percent},
		{Name: "memory", Type: "memory", Address: address, Shared: true, Metadata: percent},
	}
	more, err := h.adapterSources(ctx, address)
	return append(sources, more...), err
}

// createPod creates a pod of an app on the simulated node.
func createPod(ctx context.Context, kube kubernetes.Interface, namespace, name, app string) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}, Annotations: map[string]string{
			"kwok.x-k8s.io/usage-cpu": cpuOfPod, "kwok.x-k8s.io/usage-memory": memoryOfPod,
		}},
		Spec: corev1.PodSpec{NodeName: "node-1", AutomountServiceAccountToken: new(bool), Containers: []corev1.Container{{
			Name: "app", Image: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse(cpuOfPod), corev1.ResourceMemory: resource.MustParse(memoryOfPod),
			}},
		}}},
	}
	if _, err := kube.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create pod %s: %w", name, err)
	}
	return nil
}

// StartWorkload returns the source of a kubernetes-workload trigger. Its only level is a number of pods, which is 0 at first.
func StartWorkload(_ context.Context, h *Host) (Source, error) {
	kube, _, err := openCluster(h.Sandbox.Kubeconfig + "\n" + h.Namespace)
	if err != nil {
		return Source{}, err
	}
	const app = "followed"
	name := func(i int) string { return app + "-" + strconv.Itoa(i) }
	pods := 0
	set := func(ctx context.Context, _, n int) error {
		for ; pods < n; pods++ {
			if err := createPod(ctx, kube, h.Namespace, name(pods), app); err != nil {
				return err
			}
		}
		for ; pods > n; pods-- {
			if err := kube.CoreV1().Pods(h.Namespace).Delete(ctx, name(pods-1), metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
				return fmt.Errorf("delete a pod: %w", err)
			}
		}
		return nil
	}
	return Source{Name: "kubernetes-workload", Type: "kubernetes-workload", Set: set, Metadata: func(int) map[string]string {
		return map[string]string{"podSelector": "app=" + app, "value": "1"}
	}}, nil
}

// awaitUsage waits until metrics-server has measured all pods.
func (h *Host) awaitUsage(ctx context.Context, address string) error {
	client, namespace, err := openCluster(address)
	if err != nil {
		return err
	}
	return process.WaitFor(ctx, 2*time.Minute, "metrics-server has measured the pods", func(ctx context.Context) (bool, error) {
		list, err := usageOf(ctx, client, namespace)
		return err == nil && len(list.Items) >= h.Levels, nil
	})
}

// adapterSources returns the sources of the three kinds that read a metrics adapter.
func (h *Host) adapterSources(ctx context.Context, address string) ([]Source, error) {
	metadata := func(name, label string) func(i int) map[string]string {
		return func(i int) map[string]string {
			m := map[string]string{"metricName": name, "value": "1"}
			switch label {
			case "service":
				m["objectKind"], m["objectName"] = "Service", Workload(i)
			case "queue":
				m["metricSelector"] = "queue=" + Workload(i)
			}
			return m
		}
	}
	var sources []Source
	for kind, label := range map[string]string{"kubernetes-object": "service", "kubernetes-pods": "pod", "kubernetes-external": "queue"} {
		n := adapterTriggers
		if label == "pod" {
			n = podsTriggers
		}
		series := func(i int, value float64) Series {
			return Series{Labels: map[string]string{"__name__": hits, "namespace": h.Namespace, label: Workload(i)}, Value: value}
		}
		set := func(ctx context.Context, i, n int) error {
			value := float64(n)
			if label == "pod" && n == 1 {
				value = 0.2 // At 1, which is the target, any number of replicas stays.
			}
			return WriteSamples(ctx, h.Sandbox.Prometheus+writePath, series(i, value))
		}
		all := make([]Series, adapterTriggers+1)
		for i := range all {
			all[i] = series(i, 1)
		}
		if err := WriteSamples(ctx, h.Sandbox.Prometheus+writePath, all...); err != nil {
			return nil, err
		}
		sources = append(sources, Source{
			Name: kind, Type: kind, Address: address, Triggers: n, Set: set, Metadata: metadata(hits, label),
		})
	}
	return sources, nil
}

// openCluster returns a client for the API server of an address, and the namespace in it.
func openCluster(address string) (*kubernetes.Clientset, string, error) {
	kubeconfig, namespace, _ := strings.Cut(address, "\n")
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	config.QPS = -1
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, "", fmt.Errorf("create a client: %w", err)
	}
	return kube, namespace, nil
}

// get decodes the answer of the API server to a request for a path.
func get(ctx context.Context, client kubernetes.Interface, into any, query map[string]string, path ...string) error {
	request := client.CoreV1().RESTClient().Get().AbsPath(path...)
	for name, value := range query {
		request = request.Param(name, value)
	}
	answer, err := request.DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

func usageOf(ctx context.Context, client kubernetes.Interface, namespace string) (*metricsv1beta1.PodMetricsList, error) {
	list := &metricsv1beta1.PodMetricsList{}
	return list, get(ctx, client, list, nil, "/apis/metrics.k8s.io/v1beta1/namespaces", namespace, "pods")
}

// bareUsage reads the usage of all pods.
func bareUsage(_ context.Context, address string) (Read, error) {
	client, namespace, err := openCluster(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ int) (float64, error) {
		list, err := usageOf(ctx, client, namespace)
		return float64(len(list.Items)), err
	}, nil
}

func bareObjectMetric(_ context.Context, address string) (Read, error) {
	return bareCustom(address, func(i int) (path []string, query map[string]string) {
		return []string{"services", Workload(i), hits}, nil
	})
}

func barePodsMetric(_ context.Context, address string) (Read, error) {
	return bareCustom(address, func(i int) (path []string, query map[string]string) {
		return []string{"pods", "*", hits}, map[string]string{"labelSelector": "app=" + Workload(i)}
	})
}

// bareCustom reads one metric of custom.metrics.k8s.io.
func bareCustom(address string, of func(i int) (path []string, query map[string]string)) (Read, error) {
	client, namespace, err := openCluster(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (float64, error) {
		var list custommetrics.MetricValueList
		path, query := of(i)
		err := get(ctx, client, &list, query, append([]string{"/apis/custom.metrics.k8s.io/v1beta2/namespaces", namespace}, path...)...)
		if err := only(len(list.Items), err); err != nil {
			return 0, err
		}
		return list.Items[0].Value.AsApproximateFloat64(), nil
	}, nil
}

func bareExternalMetric(_ context.Context, address string) (Read, error) {
	client, namespace, err := openCluster(address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (float64, error) {
		var list externalmetrics.ExternalMetricValueList
		err := get(ctx, client, &list, map[string]string{"labelSelector": "queue=" + Workload(i)},
			"/apis/external.metrics.k8s.io/v1beta1/namespaces", namespace, hits)
		if err := only(len(list.Items), err); err != nil {
			return 0, err
		}
		return list.Items[0].Value.AsApproximateFloat64(), nil
	}, nil
}
