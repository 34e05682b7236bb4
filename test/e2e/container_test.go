package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// image is the container image of the tested program.
type image struct {
	t *testing.T
	// command is the path of impulse-image, and layout the folder of the image.
	command, layout string
}

// newImage makes the image of a program.
func newImage(t *testing.T, program string) *image {
	t.Helper()
	dir := t.TempDir()
	command, err := process.Build(t.Context(), dir, "impulse-image", filepath.Join(root, "deploy/image"), ".")
	if err != nil {
		t.Fatal(err)
	}
	i := &image{t: t, command: command, layout: filepath.Join(dir, "image", "layout")}
	i.run("build", "--version", "v0.0.0-test", "--license", filepath.Join(root, "LICENSE"), "--out", filepath.Join(dir, "image"), program)
	return i
}

func (i *image) run(args ...string) {
	i.t.Helper()
	if out, err := process.Run(i.t.Context(), i.command, args...); err != nil {
		i.t.Fatal(err, out)
	}
}

// unpack returns a folder with the files of the image.
func (i *image) unpack() string {
	i.t.Helper()
	folder := filepath.Join(i.t.TempDir(), "root")
	i.run("unpack", "--layout", i.layout, folder)
	return folder
}

// serviceAccountFiles is where a container has the credential of its ServiceAccount.
const serviceAccountFiles = "var/run/secrets/kubernetes.io/serviceaccount"

// container runs the container of a Deployment's Pod as the kubelet does: the program of the image, with the image as its file system, as the user
// of the Pod, with the arguments and variables of the container, the files of its Secrets, and the credential of its ServiceAccount. The addresses
// that it listens on differ, because all Pods share this machine. Only root may do so: for anybody else the program runs as they are.
func (e *env) container(d *appsv1.Deployment, of *image) *impulse {
	e.t.Helper()
	folder, spec := of.unpack(), d.Spec.Template.Spec
	if os.Geteuid() != 0 {
		own := *e
		own.command = filepath.Join(folder, "impulse")
		return own.podOf(d, e.serviceAccount()).impulse
	}
	e.writeSecrets(d, folder)
	e.writeServiceAccount(d, folder)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(e.Config.Host, "https://"))
	if err != nil {
		e.t.Fatal(err)
	}
	env := []string{"IMPULSE_POD_IP=127.0.0.1", "KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
	for _, v := range spec.Containers[0].Env {
		if v.ValueFrom == nil {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	listen := map[string]string{}
	args := make([]string, len(spec.Containers[0].Args))
	for i, arg := range spec.Containers[0].Args {
		args[i] = arg
		if flag, _, _ := strings.Cut(arg, "="); strings.HasSuffix(flag, "listen") {
			listen[flag] = testkit.FreeAddress(e.t)
			args[i] = flag + "=" + listen[flag]
		}
	}
	user := uint32(*spec.SecurityContext.RunAsUser)
	c := process.Container{Root: folder, User: user, Env: env}
	p, err := process.StartContainer(e.t.Context(), e.t.TempDir(), "impulse", c, "/impulse", args...)
	if err != nil {
		e.t.Fatal(err)
	}
	e.endWithTest("impulse", p)
	i := &impulse{Process: p, url: "http://" + listen["--listen"], args: args}
	probe := "http://" + listen["--health-listen"] + spec.Containers[0].ReadinessProbe.HTTPGet.Path
	e.until("impulse is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, probe) == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
	return i
}

// writeServiceAccount writes a token of the ServiceAccount of a Deployment, and what else its containers have of it, below a folder.
func (e *env) writeServiceAccount(d *appsv1.Deployment, folder string) {
	e.t.Helper()
	token := strings.TrimSpace(e.mustKubectl("create", "token", d.Spec.Template.Spec.ServiceAccountName, "-n", d.Namespace))
	for name, content := range map[string]string{"token": token, "ca.crt": string(e.Config.CAData), "namespace": d.Namespace} {
		writeMounted(e.t, filepath.Join(folder, serviceAccountFiles, name), []byte(content))
	}
}

// writeMounted writes a file as the kubelet does for a Secret: every user of the container may read it.
func writeMounted(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// service is an address that passes requests on to the ready Pods in turn, as a Service does.
type service struct {
	mu    sync.Mutex
	ready []*impulse
	next  int
}

// startService serves on the address of a URL until the test ends.
func startService(t *testing.T, at string) *service {
	t.Helper()
	s := &service{}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(at, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: s.choose, FlushInterval: -1})
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return s
}

func (s *service) choose(r *httputil.ProxyRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) == 0 {
		return // The request is refused, because it has no address.
	}
	s.next++
	to, err := url.Parse(s.ready[s.next%len(s.ready)].url)
	if err == nil {
		r.SetURL(to)
	}
}

// add adds a ready Pod.
func (s *service) add(p *impulse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, p)
}

// removeOldest removes the Pod that was added first, and returns it.
func (s *service) removeOldest() *impulse {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.ready[0]
	s.ready = s.ready[1:]
	return oldest
}

// pods returns how many Pods are ready.
func (s *service) pods() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ready)
}
