package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// release is the chart, rendered for the namespace of a test.
type release struct {
	*env
	// name is that of the release and of its objects, and system its namespace.
	name, system string
	documents    map[string][]string
	deployment   appsv1.Deployment
	grants       []grant
	// audit records the calls of the process with the release's permissions, and log returns the end of its log.
	audit *audit
	log   func() string
}

// newRelease renders the chart with values for a namespace, and creates the objects of its permissions, and its Secrets. The Deployment is not
// created: its Pods would not run Impulse.
func newRelease(e *env, system string, values ...string) *release {
	e.t.Helper()
	r := &release{env: e, name: "impulse-" + e.Namespace, system: system}
	text, err := helm.Template(e.t, root, r.name, r.system, values...)
	if err != nil {
		e.t.Fatal(err)
	}
	r.documents = helm.Documents(text)
	for _, template := range []string{"rbac.yaml", "metrics-adapters.yaml", "credentials.yaml", "keda.yaml", "admission.yaml", "peers.yaml", "tokens.yaml"} {
		for _, document := range r.documents[template] {
			e.Apply(document)
			r.read(document)
		}
	}
	if err := yaml.UnmarshalStrict([]byte(r.documents["deployment.yaml"][0]), &r.deployment); err != nil {
		e.t.Fatal(err)
	}
	return r
}

// roleIn returns the role in a document. One of the whole cluster has the same fields, and objects of other kinds have no rules.
func roleIn(t *testing.T, document string) *rbacv1.Role {
	t.Helper()
	var role rbacv1.Role
	if err := yaml.Unmarshal([]byte(document), &role); err != nil {
		t.Fatal(err)
	}
	return &role
}

// read records what a document grants, and deletes an object without a namespace when the test ends.
func (r *release) read(document string) {
	r.t.Helper()
	role := roleIn(r.t, document)
	r.grants = append(r.grants, grantsOf(role.Namespace, role.Rules)...)
	if role.Namespace == "" { // It is of no namespace, so it would stay.
		r.t.Cleanup(func() {
			_, _ = r.Kubectl(context.WithoutCancel(r.t.Context()), "", "delete", "--wait=false", strings.ToLower(role.Kind), role.Name)
		})
	}
}

// createNamespace creates the namespace of a release in a control plane of the test.
func (e *env) createNamespace() string {
	e.t.Helper()
	const name = "impulse-system"
	e.mustKubectl("create", "namespace", name)
	return name
}

// token returns a token of the release's ServiceAccount.
func (r *release) token() string {
	r.t.Helper()
	return strings.TrimSpace(r.mustKubectl("create", "token", r.deployment.Spec.Template.Spec.ServiceAccountName, "-n", r.system))
}

// pod is Impulse, run as a Deployment runs it.
type pod struct {
	*impulse

	t     *testing.T
	env   *env
	token string // The file with the token of clients.
	// admission is the address of the admission webhook; "" if the Deployment does not enable it.
	admission string
}

// podOf starts Impulse with the flags and the environment of a Deployment, the files of its Secrets, and the credential of a kubeconfig.
// Addresses differ, because all Pods share this machine.
func (e *env) podOf(d *appsv1.Deployment, kubeconfig string) *pod {
	e.t.Helper()
	container, volumes := d.Spec.Template.Spec.Containers[0], e.t.TempDir()
	p := &pod{t: e.t, env: e, token: filepath.Join(volumes, "etc/impulse/tokens/token")}
	e.writeSecrets(d, volumes)
	listen := testkit.FreeAddress(e.t)
	args := []string{"IMPULSE_POD_IP=127.0.0.1"}
	for _, v := range container.Env {
		if v.ValueFrom == nil {
			args = append(args, v.Name+"="+v.Value)
		}
	}
	args = append(args, e.command)
	for _, arg := range container.Args {
		flag, value, _ := strings.Cut(arg, "=")
		switch {
		case flag == "--listen":
			arg = flag + "=" + listen
		case flag == "--admission-listen":
			p.admission = testkit.FreeAddress(e.t)
			arg = flag + "=" + p.admission
		case strings.HasSuffix(flag, "-listen"):
			arg = flag + "=127.0.0.1:0"
		case strings.HasPrefix(value, "/etc/impulse/"):
			arg = flag + "=" + filepath.Join(volumes, value)
		}
		args = append(args, arg)
	}
	p.impulse = &impulse{url: "http://" + listen, args: append(args, "--kubeconfig="+kubeconfig)}
	p.start()
	return p
}

// start starts the process, also after it has ended.
func (p *pod) start() {
	p.t.Helper()
	p.Process = p.env.spawn("impulse", "env", p.args...)
	p.env.ready(p.impulse)
}

// writeSecrets writes the Secrets that the container mounts below a folder.
func (e *env) writeSecrets(d *appsv1.Deployment, folder string) {
	e.t.Helper()
	for _, mount := range d.Spec.Template.Spec.Containers[0].VolumeMounts {
		i := slices.IndexFunc(d.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		source := d.Spec.Template.Spec.Volumes[i].Secret
		if source == nil {
			continue
		}
		secret, err := e.Kube.CoreV1().Secrets(d.Namespace).Get(e.t.Context(), source.SecretName, metav1.GetOptions{})
		if err != nil {
			e.t.Fatal(err)
		}
		for name, content := range secret.Data {
			writeMounted(e.t, filepath.Join(folder, mount.MountPath, name), content)
		}
	}
}

// alert sends an alert for the namespace of the test, with the token of the release; args has more arguments, such as --resolve.
func (p *pod) alert(name string, args ...string) {
	p.t.Helper()
	var out string
	args = append([]string{"send", "alert", "alertname=" + name, "--server", p.url, "--token-file", p.token, "-n", p.env.Namespace}, args...)
	p.env.until("the alert is recorded", func(ctx context.Context) (bool, error) { // It fails while nothing is recorded in time.
		var err error
		out, err = process.Run(ctx, p.env.command, args...)
		return err == nil, p.Err()
	}, func() string { return fmt.Sprintf("%s\n%s", out, p.LogTail(logTail)) })
}
