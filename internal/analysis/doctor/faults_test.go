package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/doctor"
)

// certificate returns a certificate that ends at a time, as PEM.
func certificate(t *testing.T, ends time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// faults are all faults, by name.
func faults(t *testing.T) map[string]fault {
	t.Helper()
	all := map[string]fault{}
	for _, some := range []map[string]fault{processFaults(), objectFaults(), admissionFaults(t), receiverFaults(t)} {
		maps.Copy(all, some)
	}
	return all
}

// processFaults are those of the cluster, the release, the leader and permissions.
func processFaults() map[string]fault {
	type in = *doctor.Installation
	args := func(more ...string) func(in) {
		return func(i in) { i.Deployments.Value[0] = deployment(system, more...) }
	}
	return map[string]fault{
		"an old cluster":      {func(i in) { i.Cluster.Value.Minor = 28 }, "cluster", doctor.Problem, "needs 1.29 or later", "upgrade"},
		"no definition":       {func(i in) { i.Definitions.Value[0].Absent = true }, "definitions", doctor.Problem, "scaledobjects.impulse.sh is missing", "kubectl apply --server-side -f deploy/crds"},
		"an older definition": {func(i in) { i.Definitions.Value[0].Lacks = []string{"spec.dryRun"} }, "definitions", doctor.Problem, "is older than this program (v1.2.3): it lacks spec.dryRun", "helm upgrade"},
		"a newer definition":  {func(i in) { i.Definitions.Value[0].Extra = []string{"spec.new"} }, "definitions", doctor.Warning, "newer than this program", "impulse version"},
		"no release":          {func(i in) { i.Deployments.Value, i.Lease.Value = nil, nil }, "release", doctor.Problem, "no Deployment runs impulse", "helm install"},
		"a release elsewhere": {func(i in) { i.Deployments.Value = nil }, "release", doctor.Unknown, "its Lease is renewed by impulse-1", "outside the cluster"},
		"another namespace":   {func(i in) { i.LeaseNamespace = "default" }, "release", doctor.Warning, "no Deployment uses namespace default", "--lease-namespace=impulse-system"},
		"no replica":          {func(i in) { i.Deployments.Value[0].Spec.Replicas = new(int32(0)) }, "release", doctor.Problem, "has 0 replicas", "--replicas=2"},
		"a replica not ready": {func(i in) { i.Deployments.Value[0].Status.ReadyReplicas = 1 }, "release", doctor.Warning, "1 ready replicas of 2", "describe pods"},
		"a single replica":    {func(i in) { i.Deployments.Value[0].Spec.Replicas = new(int32(1)) }, "release", doctor.Warning, "one replica", "replicas=2"},
		"a dry run":           {args("--dry-run"), "release", doctor.Warning, "writes no count", "dryRun=false"},
		"an older release":    {func(i in) { i.Version = "v1.3.0" }, "release", doctor.Warning, "and this program the newer v1.3.0", "upgrade the release"},
		"an older program":    {func(i in) { i.Version = "1.2.2" }, "release", doctor.Warning, "the newer 1.2.3", "install version 1.2.3"},
		"a version by the Lease": {func(i in) {
			i.Version, i.Deployments.Value[0].Spec.Template.Spec.Containers[0].Image = "v1.3.0", "impulse@sha256:abc"
		}, "release", doctor.Warning, "has the version v1.2.3, and this program the newer v1.3.0", "upgrade the release"},
		"an unknown version": {func(i in) { i.Version = "dev" }, "release", doctor.Unknown, "cannot be compared", "impulse version"},
		"two releases": {func(i in) {
			i.Deployments.Value = append(i.Deployments.Value, deployment("other", "--namespace", "shop"))
		}, "release", doctor.Problem, "both scale namespace shop", "scope.namespace"},
		"two with one Lease": {func(i in) {
			d := deployment(system)
			d.Name = "second"
			i.Deployments.Value = append(i.Deployments.Value, d)
		}, "release", doctor.Warning, "share the Lease impulse-system/impulse", "remove one"},
		"no Lease":               {func(i in) { i.Lease.Value = nil }, "leader", doctor.Problem, "there is no Lease impulse-system/impulse", "logs"},
		"no holder":              {func(i in) { i.Lease.Value.Holder = "" }, "leader", doctor.Problem, "nobody holds the Lease", "logs"},
		"a Lease not renewed":    {func(i in) { i.Lease.Value.Renewed = noon.Add(-time.Minute) }, "leader", doctor.Problem, "has not renewed it for 1m0s", "logs"},
		"different clocks":       {func(i in) { i.Lease.Value.Renewed, i.Lease.Value.Advanced = noon.Add(-time.Minute), true }, "leader", doctor.Warning, "differ by 1m0s", "time server"},
		"a permission missing":   {func(i in) { i.Granted.Value[0].Allowed = false }, "permissions", doctor.Problem, "ServiceAccount impulse-system/impulse lacks the permission to list pods", "rbac.create=true"},
		"a permission unknown":   {func(i in) { i.Granted.Value[0].Err = errors.New("refused") }, "permissions", doctor.Unknown, "1 permissions could not be checked: refused", "subjectaccessreviews"},
		"a user without a right": {func(i in) { i.User.Value[0].Allowed = false }, "your-permissions", doctor.Warning, "you lack the permission to list scaledobjects (for impulse get)", "ask an administrator"},
	}
}

// objectFaults are those of objects, and of others that scale their targets.
func objectFaults() map[string]fault {
	type in = *doctor.Installation
	condition := func(kind, status, reason, message string) func(in) {
		return func(i in) {
			c := metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason, Message: message}
			so := &i.Objects.Value[0]
			if kind == "Ready" {
				so.Status.Conditions = nil
			}
			so.Status.Conditions = append(so.Status.Conditions, c)
			so.Status.Triggers = []v1alpha1.TriggerStatus{{Name: "rps", LastError: "dial tcp: refused"}}
		}
	}
	keda := func(i in) {
		i.KEDA.Value = []doctor.KEDAObject{{Key: doctor.Key{Namespace: "shop", Name: "old"}, Target: "web"}}
	}
	return map[string]fault{
		"an invalid object":     {condition("Ready", "False", "InvalidSpec", "spec.triggers: no"), "scaledobjects", doctor.Problem, "ScaledObject shop/web is not Ready: InvalidSpec: spec.triggers: no", "impulse explain shop/web"},
		"a failing trigger":     {condition("Ready", "False", "TriggerFailed", "x"), "scaledobjects", doctor.Problem, "trigger rps cannot be read: dial tcp: refused", "impulse explain"},
		"an object that waits":  {condition("Ready", "Unknown", "WaitingForTriggers", ""), "scaledobjects", doctor.Unknown, "waits for the first reading", "impulse explain"},
		"a stale alert":         {condition("AlertStale", "True", "NotRepeated", "QueueFull"), "scaledobjects", doctor.Warning, "has a stale alert: QueueFull", "repeat_interval"},
		"a contested target":    {condition("AbleToScale", "True", "Contested", "by x"), "scaledobjects", doctor.Warning, "another client changes the count", "managedFields"},
		"an object not decided": {func(i in) { i.Objects.Value[0].Generation = 2 }, "scaledobjects", doctor.Problem, "has a version on which Impulse has not decided", "see Leader"},
		"an object of nobody": {func(i in) {
			i.Objects.Value[0].Generation, i.Deployments.Value[0] = 2, deployment(system, "-n", "bank")
		}, "scaledobjects", doctor.Problem, "has not decided", "no release scales namespace shop"},
		"a new object": {func(i in) {
			i.Objects.Value[0].Generation, i.Objects.Value[0].CreationTimestamp = 2, metav1.NewTime(noon.Add(-time.Second))
		}, "scaledobjects", doctor.Unknown, "is new", "in a minute"},
		"an HPA": {hpa(), "conflicts", doctor.Problem, "HorizontalPodAutoscaler shop/web-hpa also scales Deployment shop/web: ScaledObject shop/web writes no count", "impulse adopt hpa web-hpa -n shop"},
		"an HPA of KEDA": {hpa(func(h *autoscalingv2.HorizontalPodAutoscaler) {
			h.OwnerReferences = []metav1.OwnerReference{{Kind: "ScaledObject", Name: "old", Controller: new(true)}}
		}), "conflicts", doctor.Problem, "also scales", "impulse adopt keda old -n shop"},
		"an object of KEDA": {keda, "conflicts", doctor.Problem, "KEDA's ScaledObject shop/old scales Deployment shop/web", "impulse adopt keda old -n shop"},
	}
}

// admissionFaults are those of the admission webhook.
func admissionFaults(t *testing.T) map[string]fault {
	t.Helper()
	type in = *doctor.Installation
	expired, soon := certificate(t, noon.Add(-time.Hour)), certificate(t, noon.AddDate(0, 0, 7))
	bundle := func(content []byte) func(in) {
		return func(i in) { i.Webhooks.Value[0] = webhooks(content) }
	}
	serving := func(content []byte) func(in) {
		return func(i in) {
			i.Secrets[doctor.Key{Namespace: system, Name: "impulse-admission"}] = doctor.Read[*doctor.Secret]{Value: &doctor.Secret{Certificates: map[string][]byte{"tls.crt": content}}}
		}
	}
	const check = "admission-webhook"
	return map[string]fault{
		"no endpoint":            {func(i in) { delete(i.Ready, doctor.Key{Namespace: system, Name: "impulse-admission"}) }, check, doctor.Problem, "impulse-admission of the admission webhook has no ready endpoint: no ScaledObject can be created or changed", "get service,endpointslices"},
		"an empty bundle":        {bundle(nil), check, doctor.Problem, "the caBundle of ValidatingWebhookConfiguration impulse is empty", "the leader writes it"},
		"a bundle that is none":  {bundle([]byte("x")), check, doctor.Problem, "is not valid: it has no certificate", "the leader writes it"},
		"an expired bundle":      {bundle(expired), check, doctor.Problem, "has expired at 2026-03-01T11:00:00Z", "the leader writes it"},
		"an expired certificate": {serving(expired), check, doctor.Problem, "impulse-system/impulse-admission has expired at 2026-03-01T11:00:00Z", "the leader renews it"},
		"a certificate's end":    {serving(soon), check, doctor.Warning, "ends in 7 days", "the leader renews it"},
		"no configuration":       {func(i in) { i.Webhooks.Value = nil }, check, doctor.Problem, "which does not exist", "admission.enabled=true"},
		"nobody who answers": {func(i in) {
			i.Deployments.Value[0].Spec.Template.Spec.Containers[0].Args = []string{"run", "--lease-namespace", system}
		}, check, doctor.Problem, "no Deployment answers the reviews", "kubectl delete validatingwebhookconfiguration impulse"},
	}
}

// receiverFaults are those of the receiver.
func receiverFaults(t *testing.T) map[string]fault {
	t.Helper()
	type in = *doctor.Installation
	key := func(name string) doctor.Key { return doctor.Key{Namespace: system, Name: name} }
	tls := func(i in) {
		i.Deployments.Value[0] = deployment(system, "--tls-cert-file=/etc/impulse/tls/tls.crt")
	}
	return map[string]fault{
		"no Service":     {func(i in) { i.Services.Value = nil }, "receiver", doctor.Problem, "no Service selects the Pods", "helm upgrade"},
		"no receiver":    {func(i in) { delete(i.Ready, key("impulse")) }, "receiver", doctor.Problem, "Service impulse-system/impulse has no ready endpoint", "see Release"},
		"no token":       {func(i in) { i.Secrets[key("impulse-tokens")] = doctor.Read[*doctor.Secret]{} }, "receiver", doctor.Problem, "there is no Secret impulse-system/impulse-tokens", "helm upgrade"},
		"no key":         {func(i in) { i.Secrets[key("impulse-tokens")].Value.Keys = []string{"token"} }, "receiver", doctor.Problem, "has no key tokens", "one token per line"},
		"no certificate": {func(i in) { tls(i); i.Secrets[key("impulse-tls")] = doctor.Read[*doctor.Secret]{} }, "receiver", doctor.Problem, "there is no Secret impulse-system/impulse-tls", "tls.existingSecret"},
		"its end": {func(i in) {
			tls(i)
			i.Secrets[key("impulse-tls")] = doctor.Read[*doctor.Secret]{Value: &doctor.Secret{Certificates: map[string][]byte{"tls.crt": certificate(t, noon.Add(-time.Hour))}}}
		}, "receiver", doctor.Problem, "has expired", "renew it"},
		"the wrong scheme": {tls, "alertmanager", doctor.Problem, "posts to http://impulse.impulse-system, where Impulse does not listen", "set the URL to https://impulse.impulse-system:80/v1/alertmanager/shop"},
	}
}
