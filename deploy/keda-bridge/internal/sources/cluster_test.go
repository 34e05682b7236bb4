package sources

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// startCluster uses a real API server, through a proxy that a test can stop.
func startCluster(t *testing.T) source {
	t.Helper()
	file := os.Getenv("IMPULSE_SANDBOX_KUBECONFIG")
	if file == "" {
		t.Skip("this test needs a real API server: run `make bridge-test`, or set IMPULSE_SANDBOX_KUBECONFIG")
	}
	config, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	maps := client.CoreV1().ConfigMaps("default")
	created, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "level-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.WithoutCancel(t.Context()), created.Name, metav1.DeleteOptions{}) })
	server, err := url.Parse(direct.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy, stop := startProxy(t, server.Host)
	config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server = "https://" + proxy
	through := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, through); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", through)
	return source{
		metadata: map[string]string{"resourceKind": "ConfigMap", "resourceName": created.Name, "key": "level", "targetValue": "1"}, stop: stop,
		set: func(ctx context.Context, n int) error {
			created.Data = map[string]string{"level": strconv.Itoa(n)}
			created.ResourceVersion = ""
			_, err := maps.Update(ctx, created, metav1.UpdateOptions{})
			return err
		},
	}
}

// startProxy forwards connections to an address until the test ends or stop is called.
func startProxy(t *testing.T, to string) (address string, stop func()) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { forward(ctx, in, to) })
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		_ = l.Close()
		all.Wait()
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// forward copies between a connection and a new one until ctx is done.
func forward(ctx context.Context, in net.Conn, to string) {
	out, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	shut := func() {
		_ = in.Close()
		_ = out.Close()
	}
	defer context.AfterFunc(ctx, shut)()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); shut() })
	both.Go(func() { _, _ = io.Copy(in, out); shut() })
	both.Wait()
}
