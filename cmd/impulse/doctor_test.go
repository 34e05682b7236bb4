package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestDoctor(t *testing.T) {
	t.Run("an installation is checked: healthy, and with each of its parts broken", testInstallationIsChecked)
	t.Run("mistakes in flags and files are one sentence", testDoctorsMistakesAreOneSentence)
}

// clinic is an installation in a control plane of its own, in the namespace of deploy/manifests.
type clinic struct {
	*sandbox.Env

	t     *testing.T
	plane *sandbox.ControlPlane
}

// installed are the parts of an installation that the API server can check without Pods. %CA% is a certificate as base64.
const installed = `
apiVersion: v1
kind: Service
metadata: {name: impulse, namespace: impulse-system}
spec: {selector: {app.kubernetes.io/name: impulse}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: impulse-admission, namespace: impulse-system}
spec: {ports: [{port: 443, targetPort: 9443}]}
---
apiVersion: v1
kind: Secret
metadata: {name: impulse-tokens, namespace: impulse-system}
stringData: {tokens: "secret-token\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: impulse-admission, namespace: impulse-system}
data: {tls.crt: %CA%}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: impulse}
webhooks:
- name: spec.admission.impulse.sh
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {caBundle: %CA%, service: {namespace: impulse-system, name: impulse-admission}}
  rules: [{apiGroups: [nothing.example], apiVersions: [v1], resources: [none], operations: [CREATE]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: impulse, namespace: impulse-system}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: impulse}}
  template:
    metadata: {labels: {app.kubernetes.io/name: impulse}}
    spec:
      serviceAccountName: impulse
      containers:
      - name: impulse
        image: impulse
        args: [run, --lease-namespace=impulse-system, --tokens-file=/etc/impulse/tokens/tokens, --admission-listen=0.0.0.0:9443]
        volumeMounts: [{name: tokens, mountPath: /etc/impulse/tokens}]
      volumes: [{name: tokens, secret: {secretName: impulse-tokens}}]
`

// slice is an EndpointSlice with one ready endpoint, of a Service.
const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: SERVICE-test, namespace: impulse-system, labels: {kubernetes.io/service-name: SERVICE}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
ports: [{port: 8080}]
`

// newClinic installs what impulse doctor checks, without a fault.
func newClinic(t *testing.T) *clinic {
	t.Helper()
	plane := sandbox.NewControlPlane(t)
	plane.ApplyCRDs("../../deploy/crds")
	c := &clinic{Env: plane.NewEnv(), t: t, plane: plane}
	c.kubectl("", "create", "namespace", "impulse-system")
	c.kubectl("", "apply", "-n", "impulse-system", "-f", "../../deploy/manifests/rbac.yaml")
	webhook, err := os.ReadFile("../../deploy/manifests/admission.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(webhook), "\n---\n") {
		if strings.Contains(document, "rbac.authorization.k8s.io") {
			c.kubectl(document, "apply", "-n", "impulse-system", "-f", "-")
		}
	}
	c.Apply(strings.ReplaceAll(installed, "%CA%", c.certificate(time.Now().AddDate(1, 0, 0))))
	c.Apply(strings.ReplaceAll(slice, "SERVICE", "impulse") + "---" + strings.ReplaceAll(slice, "SERVICE", "impulse-admission"))
	c.kubectl("", "patch", "deployment", "impulse", "-n", "impulse-system", "--subresource=status", "--type=merge", "-p", `{"status": {"replicas": 2, "readyReplicas": 2}}`)
	c.renew()
	c.ApplyDeployment("web", 1)
	c.Apply(object("web"))
	setStatus(t, c.Env, "web", decided)
	return c
}

func (c *clinic) kubectl(stdin string, args ...string) {
	c.t.Helper()
	if out, err := c.Kubectl(c.t.Context(), stdin, args...); err != nil {
		c.t.Fatal(args, err, out)
	}
}

// certificate returns a certificate that ends at a time, as the base64 of its PEM.
func (c *clinic) certificate(ends time.Time) string {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-2, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// renew writes the Lease as a leader does. The renewal is in the future, because the tests run for longer than a Lease is valid.
func (c *clinic) renew() {
	c.t.Helper()
	c.Apply(`
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: impulse, namespace: impulse-system}
spec: {holderIdentity: impulse-1, renewTime: "` + time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z") + `"}
`)
}

// run runs impulse doctor, and returns its findings.
func (c *clinic) run(args ...string) (code int, found diagnosis) {
	c.t.Helper()
	code, out, errs := impulse(c.t, "", append([]string{"doctor", "-o", "json", "--kubeconfig", c.Kubeconfig}, args...)...)
	if errs != "" || json.Unmarshal([]byte(out), &found) != nil {
		c.t.Fatalf("got exit code %d, %s%s", code, out, errs)
	}
	return code, found
}

// expect runs impulse doctor, and expects one problem with a text in its message and one in its remedy, and no other problem.
func (c *clinic) expect(name, message, remedy string) {
	c.t.Helper()
	code, found := c.run()
	named := false
	for _, f := range found.Findings {
		if f.Result != doctor.Problem {
			continue
		}
		match := strings.Contains(f.Message, message) && strings.Contains(f.Remedy, remedy)
		if named = named || match; !match {
			c.t.Errorf("%s: got the other problem %+v", name, f)
		}
	}
	if code != 1 || !named {
		c.t.Errorf("%s: got exit code %d and\n%+v\nwant 1 and a problem with %q and the remedy %q", name, code, found, message, remedy)
	}
}

func testInstallationIsChecked(t *testing.T) {
	c := newClinic(t)
	code, found := c.run()
	if code != 0 || found.Problems != 0 || found.Warnings != 0 || found.Unknown != 1 { // This program has no version.
		t.Fatalf("healthy: got exit code %d and\n%+v\nwant 0, and only the version unknown", code, found)
	}
	if code, out, errs := impulse(t, "", "doctor", "--kubeconfig", c.Kubeconfig); code != 0 || errs != "" || !strings.HasPrefix(out, "Cluster\n  ok      https://") || !strings.HasSuffix(out, "\n\n1 check could not be made\n") {
		t.Errorf("as text: got exit code %d, %s%s", code, out, errs)
	}
	c.limited()
	for _, part := range c.parts() {
		part.edit()
		c.expect(part.name, part.message, part.remedy)
		part.restore()
		if code, found := c.run(); code != 0 {
			t.Fatalf("after %s: got exit code %d and\n%+v\nwant it as before", part.name, code, found)
		}
	}
	c.plane.Stop("kube-apiserver")
	if code, found := c.run(); code != 1 || len(found.Findings) != 1 || !strings.Contains(found.Findings[0].Message, " cannot be reached: ") {
		t.Errorf("without an API server: got exit code %d and\n%+v", code, found)
	}
}

// limited checks the view of a user with permissions in one namespace only.
func (c *clinic) limited() {
	c.t.Helper()
	c.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: limited, namespace: impulse-system}
rules:
- {apiGroups: ["", apps, autoscaling, coordination.k8s.io, discovery.k8s.io, impulse.sh], resources: ["*"], verbs: [get, list, watch, patch]}
- {apiGroups: [authorization.k8s.io], resources: [localsubjectaccessreviews], verbs: [create]}
`)
	c.kubectl("", "create", "rolebinding", "limited", "--role=limited", "--user=limited", "-n", "impulse-system")
	sandbox.AwaitAccess(c.t, c.Kube, "limited", authorizationv1.ResourceAttributes{Namespace: "impulse-system", Verb: "get", Resource: "secrets"}, true)
	code, found := c.run("--as", "limited", "-n", "impulse-system")
	for _, f := range found.Findings {
		if f.Check == "admission-webhook" && f.Result != doctor.Unknown {
			c.t.Errorf("a limited user: got %+v, want it unknown", f)
		}
		if f.Result == doctor.Unknown && (f.Message == "" || f.Remedy == "") {
			c.t.Errorf("a limited user: got %+v, want what to do", f)
		}
	}
	if code != 0 || found.Unknown < 3 || found.Problems > 0 {
		c.t.Errorf("a limited user: got exit code %d and\n%+v\nwant several checks that could not be made", code, found)
	}
}

// part is a part of an installation that is broken and restored.
type part struct {
	name            string
	edit, restore   func()
	message, remedy string
}

// parts are the parts in the order in which they are broken. The definitions are last, because their objects are deleted with them.
func (c *clinic) parts() []part {
	c.t.Helper()
	may := authorizationv1.ResourceAttributes{Group: "apps", Verb: "patch", Resource: "deployments", Subresource: "scale"}
	const account = "system:serviceaccount:impulse-system:impulse"
	bundle := func(ends time.Time) func() {
		return func() {
			c.kubectl("", "patch", "validatingwebhookconfiguration", "impulse", "--type=json", "-p", `[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "`+c.certificate(ends)+`"}]`)
		}
	}
	hpa := "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"
	return []part{
		{
			"a permission", func() {
				c.kubectl("", "delete", "clusterrolebinding", "impulse")
				sandbox.AwaitAccess(c.t, c.Kube, account, may, false)
			}, func() {
				c.kubectl("", "apply", "-n", "impulse-system", "-f", "../../deploy/manifests/rbac.yaml")
				sandbox.AwaitAccess(c.t, c.Kube, account, may, true)
			}, "ServiceAccount impulse-system/impulse lacks the permission to ", "rbac.create=true",
		},
		{
			"the endpoints of the webhook", func() { c.kubectl("", "delete", "endpointslice", "impulse-admission-test", "-n", "impulse-system") },
			func() { c.Apply(strings.ReplaceAll(slice, "SERVICE", "impulse-admission")) },
			"Service impulse-system/impulse-admission of the admission webhook has no ready endpoint: objects are stored without a review", "see Release",
		},
		{"the certificate", bundle(time.Now().Add(-time.Hour)), bundle(time.Now().AddDate(1, 0, 0)), "the caBundle of ValidatingWebhookConfiguration impulse has expired at ", "the leader writes it"},
		{
			"the leader", func() {
				c.kubectl("", "patch", "lease", "impulse", "-n", "impulse-system", "--type=merge", "-p", `{"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}`)
			}, c.renew, "impulse-1 holds the Lease impulse-system/impulse and has not renewed it for ", "logs",
		},
		{"an HPA", func() { c.Apply(hpa) }, func() { c.kubectl("", "delete", "hpa", "web") }, "HorizontalPodAutoscaler " + c.Namespace + "/web also scales ", "impulse adopt hpa web -n " + c.Namespace},
		{
			"an object", func() {
				setStatus(c.t, c.Env, "web", strings.Replace(decided, `"Ready", "status": "True", "reason": "Ready", "message": ""`, `"Ready", "status": "False", "reason": "InvalidSpec", "message": "no"`, 1))
			}, func() { setStatus(c.t, c.Env, "web", decided) }, "ScaledObject " + c.Namespace + "/web is not Ready: InvalidSpec: no", "impulse explain " + c.Namespace + "/web",
		},
		{
			"older definitions", func() { c.plane.ApplyCRDs("../../test/e2e/testdata/first-crds"); c.awaitDefinitions("lacks spec.") },
			func() { c.plane.ApplyCRDs("../../deploy/crds"); c.awaitDefinitions("") },
			"is older than this program (dev): it lacks ", "kubectl apply --server-side -f deploy/crds",
		},
		{
			"a definition", func() {
				c.kubectl("", "delete", "crd", "alertsets.impulse.sh")
				c.awaitDefinitions("alertsets.impulse.sh is missing")
			}, func() { c.plane.ApplyCRDs("../../deploy/crds"); c.awaitDefinitions("") },
			"the CustomResourceDefinition alertsets.impulse.sh is missing", "helm upgrade with crds.install=true",
		},
	}
}

// awaitDefinitions waits until the API server publishes definitions with a finding that has a text; "" means that all are those of this version.
func (c *clinic) awaitDefinitions(message string) {
	c.t.Helper()
	testkit.Eventually(c.t, "the definitions are published: "+message, func(context.Context) bool {
		_, found := c.run() //nolint:contextcheck // A command has a context of its own.
		for _, f := range found.Findings {
			if f.Check == "definitions" && f.Result == doctor.Problem {
				return message != "" && strings.Contains(f.Message, message)
			}
		}
		return message == ""
	})
}

func testDoctorsMistakesAreOneSentence(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	t.Chdir(t.TempDir())
	for args, want := range map[string]string{
		"":                                "find the cluster: ",
		"web":                             `unknown command "web" for "impulse doctor"`,
		"-o wide":                         `--output is "wide": expected text, json or yaml`,
		"--alertmanager-config absent":    "--alertmanager-config: open absent: no such file or directory",
		"--alertmanager-config -":         "--alertmanager-config: -: it has no route: expected the configuration of an Alertmanager",
		"--alertmanager-config . -n shop": "--alertmanager-config: open .: is a directory: a regular file was expected",
	} {
		code, out, errs := impulse(t, "receivers: []\n", append([]string{"doctor"}, strings.Fields(args)...)...)
		if code != 2 || out != "" || !strings.HasPrefix(errs, "impulse: "+want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: got exit code %d, %s%s, want %s", args, code, out, errs, want)
		}
	}
}
