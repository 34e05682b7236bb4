package doctor_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/doctor"
)

func TestDoctor(t *testing.T) {
	t.Run("a healthy installation has no problem, no warning and nothing unknown", testHealthyInstallationHasNoProblem)
	t.Run("each fault is named with its remedy", testEachFaultIsNamedWithItsRemedy)
	t.Run("what is intended is no problem", testWhatIsIntendedIsNoProblem)
	t.Run("what cannot be read is unknown, and never ok", testWhatCannotBeReadIsUnknown)
	t.Run("the output groups the findings, and text from outside cannot forge a line", testOutputGroupsFindings)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const system = "impulse-system"

// deployment is that of the chart.
func deployment(namespace string, args ...string) appsv1.Deployment {
	return appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "impulse"},
		Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/name": "impulse"}},
			Spec: corev1.PodSpec{
				ServiceAccountName: "impulse",
				Containers: []corev1.Container{{
					Name: "impulse", Image: "ghcr.io/impulse-sh/impulse:1.2.3",
					Args:         append([]string{"run", "--lease-namespace=" + namespace, "--tokens-file=/etc/impulse/tokens/tokens", "--admission-listen=0.0.0.0:9443"}, args...),
					VolumeMounts: []corev1.VolumeMount{{Name: "tokens", MountPath: "/etc/impulse/tokens"}, {Name: "tls", MountPath: "/etc/impulse/tls"}},
				}},
				Volumes: []corev1.Volume{secretVolume("tokens", "impulse-tokens"), secretVolume("tls", "impulse-tls")},
			},
		}},
		Status: appsv1.DeploymentStatus{ReadyReplicas: 2},
	}
}

func secretVolume(name, secret string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}
}

// object is a Ready ScaledObject of an alert.
func object(namespace, name string) v1alpha1.ScaledObject {
	return v1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))},
		Spec: v1alpha1.ScaledObjectSpec{
			ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: name},
			Triggers:       []v1alpha1.Trigger{{Type: "alertmanager", Name: "slow", Metadata: map[string]v1alpha1.Scalar{"ttl": "3m"}}},
		},
		Status: v1alpha1.ScaledObjectStatus{ObservedGeneration: 1, Conditions: []metav1.Condition{{Type: "Ready", Status: "True", Reason: "Ready"}}},
	}
}

// webhooks is the configuration of the chart.
func webhooks(bundle []byte) admissionregistrationv1.ValidatingWebhookConfiguration {
	return admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "impulse"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "spec.admission.impulse.sh", FailurePolicy: new(admissionregistrationv1.Fail),
			ClientConfig: admissionregistrationv1.WebhookClientConfig{CABundle: bundle, Service: &admissionregistrationv1.ServiceReference{Namespace: system, Name: "impulse-admission"}},
		}},
	}
}

// healthy is an installation without a fault.
func healthy(t *testing.T) *doctor.Installation {
	t.Helper()
	valid := certificate(t, noon.AddDate(0, 3, 0))
	routing, err := doctor.ReadAlertmanagerFile("alertmanager.yml", []byte(goodRoute))
	if err != nil {
		t.Fatal(err)
	}
	in := &doctor.Installation{Now: noon, Version: "v1.2.3", LeaseNamespace: system, LeaseName: "impulse"}
	in.Cluster.Value = doctor.Cluster{Host: "https://cluster", Version: "v1.35.1", Minor: 35}
	in.Definitions.Value = []doctor.Definition{{Name: "scaledobjects.impulse.sh"}}
	in.Deployments.Value = []appsv1.Deployment{deployment(system)}
	in.Lease.Value = &doctor.Lease{Holder: "impulse-1", Version: "v1.2.3", Renewed: noon.Add(-time.Second)}
	in.Granted.Value = []doctor.Answer{{Need: doctor.Need{Verb: "list", Resource: "pods", Where: "rbac"}, Allowed: true}}
	in.User.Value = []doctor.Answer{{Need: doctor.Need{Verb: "list", Resource: "scaledobjects", Where: "get"}, Allowed: true}}
	in.Objects.Value = []v1alpha1.ScaledObject{object("shop", "web")}
	in.Webhooks.Value = []admissionregistrationv1.ValidatingWebhookConfiguration{webhooks(valid)}
	in.Services.Value = []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "impulse"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app.kubernetes.io/name": "impulse"}, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
	}}}
	in.Ready = map[doctor.Key]doctor.Read[int]{{Namespace: system, Name: "impulse"}: {Value: 2}, {Namespace: system, Name: "impulse-admission"}: {Value: 2}}
	in.Secrets = map[doctor.Key]doctor.Read[*doctor.Secret]{
		{Namespace: system, Name: "impulse-tokens"}:    {Value: &doctor.Secret{Keys: []string{"token", "tokens"}}},
		{Namespace: system, Name: "impulse-admission"}: {Value: &doctor.Secret{Certificates: map[string][]byte{"tls.crt": valid}}},
	}
	in.Routings.Value = []doctor.Routing{routing}
	return in
}

func testHealthyInstallationHasNoProblem(t *testing.T) {
	all := doctor.Diagnose(healthy(t))
	seen := map[doctor.Check]bool{}
	for _, f := range all {
		if seen[f.Check] = true; f.Result != doctor.OK {
			t.Errorf("got %+v, want ok", f)
		}
	}
	if len(seen) != 11 {
		t.Errorf("got findings of the checks %v, want of all 11", seen)
	}
}

// fault is an edit of a healthy installation, and what is found then: the check, the result, a part of the message and one of the remedy.
type fault struct {
	edit            func(*doctor.Installation)
	check           doctor.Check
	result          doctor.Result
	message, remedy string
}

func (f *fault) expect(t *testing.T, name string) {
	t.Helper()
	in := healthy(t)
	f.edit(in)
	all := doctor.Diagnose(in)
	for _, got := range all {
		if got.Check == f.check && got.Result == f.result && strings.Contains(got.Message, f.message) && strings.Contains(got.Remedy, f.remedy) && got.Page != "" {
			return
		}
	}
	t.Errorf("%s: got %+v\nwant %s %s: %s (%s)", name, all, f.check, f.result, f.message, f.remedy)
}

func testEachFaultIsNamedWithItsRemedy(t *testing.T) {
	for name, f := range faults(t) {
		f.expect(t, name)
	}
}

func testWhatIsIntendedIsNoProblem(t *testing.T) {
	for name, edit := range map[string]func(*doctor.Installation){
		"an HPA beside a dry run": func(in *doctor.Installation) {
			hpa()(in)
			in.Objects.Value[0].Spec.DryRun = true
		},
		"an HPA of another target": hpa(func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.Kind = "StatefulSet" }),
		"KEDA's objects with --watch-keda": func(in *doctor.Installation) {
			in.Deployments.Value[0] = deployment(system, "--watch-keda")
			in.KEDA.Value = []doctor.KEDAObject{{Key: doctor.Key{Namespace: "shop", Name: "web"}, Target: "web"}}
		},
		"a release for the namespace": func(in *doctor.Installation) { in.Deployments.Value[0] = deployment(system, "--namespace=shop") },
		"releases for two namespaces": func(in *doctor.Installation) {
			in.Deployments.Value = []appsv1.Deployment{deployment(system, "--namespace=shop"), deployment("other", "--namespace=bank")}
			in.Services.Value = append(in.Services.Value, in.Services.Value[0])
			in.Services.Value[1].Namespace = "other"
			in.Ready[doctor.Key{Namespace: "other", Name: "impulse"}] = doctor.Read[int]{Value: 1}
			in.Secrets[doctor.Key{Namespace: "other", Name: "impulse-tokens"}] = in.Secrets[doctor.Key{Namespace: system, Name: "impulse-tokens"}]
			in.Secrets[doctor.Key{Namespace: "other", Name: "impulse-admission"}] = in.Secrets[doctor.Key{Namespace: system, Name: "impulse-admission"}]
		},
		"a watchdog's route before that continues": func(in *doctor.Installation) {
			before := &doctor.Route{Receiver: "default", Continue: true}
			in.Routings.Value[0].Route.Routes = append([]*doctor.Route{before}, in.Routings.Value[0].Route.Routes...)
		},
		"a CA certificate that is replaced": func(in *doctor.Installation) {
			old := certificate(t, noon.Add(-time.Hour))
			in.Webhooks.Value[0] = webhooks(append(old, in.Webhooks.Value[0].Webhooks[0].ClientConfig.CABundle...))
		},
		"a clock that is behind": func(in *doctor.Installation) { in.Lease.Value.Renewed = noon.Add(time.Hour) },
	} {
		in := healthy(t)
		edit(in)
		for _, f := range doctor.Diagnose(in) {
			if f.Result != doctor.OK {
				t.Errorf("%s: got %+v, want ok", name, f)
			}
		}
	}
	in := healthy(t)
	in.Objects.Value[0].Generation, in.Deployments.Value[0] = 2, deployment(system, "--namespace=shop")
	for _, f := range doctor.Diagnose(in) {
		if f.Check == "scaledobjects" && strings.Contains(f.Remedy, "no release") {
			t.Errorf("an object that its release has not decided on: got %+v", f)
		}
	}
}

func hpa(edit ...func(*autoscalingv2.HorizontalPodAutoscaler)) func(*doctor.Installation) {
	return func(in *doctor.Installation) {
		h := autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-hpa"}}
		h.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}
		for _, e := range edit {
			e(&h)
		}
		in.HPAs.Value = append(in.HPAs.Value, h)
	}
}

func testWhatCannotBeReadIsUnknown(t *testing.T) {
	in := healthy(t)
	refused := errors.New("refused")
	in.Definitions.Err, in.Deployments.Err, in.Lease.Err, in.Granted.Err, in.User.Err = refused, refused, refused, refused, refused
	in.Objects.Err, in.HPAs.Err, in.KEDA.Err, in.Webhooks.Err, in.Services.Err, in.Routings.Err = refused, refused, refused, refused, refused, refused
	in.Deployments.Value, in.Objects.Value = nil, nil
	for _, f := range doctor.Diagnose(in) {
		if f.Check != "cluster" && (f.Result != doctor.Unknown || f.Remedy == "") {
			t.Errorf("got %+v, want it unknown, with a remedy", f)
		}
	}
	in = healthy(t)
	in.Cluster.Err = errors.New("https://cluster cannot be reached")
	if all := doctor.Diagnose(in); len(all) != 1 || all[0].Result != doctor.Problem || !strings.Contains(all[0].Message, "cannot be reached") {
		t.Errorf("without a cluster: got %+v, want one problem", all)
	}
}

func testOutputGroupsFindings(t *testing.T) {
	in := healthy(t)
	in.Deployments.Value[0].Status.ReadyReplicas = 0
	in.Objects.Value[0].Status.Conditions[0] = metav1.Condition{Type: "Ready", Status: "False", Reason: "InvalidSpec", Message: "a\n  ok       forged\x1b[2J"}
	var out strings.Builder
	if err := doctor.Write(&out, doctor.Diagnose(in), false); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"Cluster\n  ok      https://cluster answers, with Kubernetes v1.35.1\n\nDefinitions\n", "\nRelease\n  problem Deployment impulse-system/impulse has no ready replica of 2: ",
		"\n          -> look at its Pods: kubectl -n impulse-system describe pods -l app.kubernetes.io/name=impulse\n             docs/doctor.md#release\n",
		"\n\n2 problems\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant in it %q", got, want)
		}
	}
	if strings.Contains(got, "\x1b") || strings.Contains(got, "\n  ok       forged") {
		t.Errorf("got\n%q", got)
	}
	out.Reset()
	if err := doctor.Write(&out, doctor.Diagnose(in), true); err != nil || !strings.Contains(out.String(), "  \x1b[31mproblem\x1b[0m Deployment") {
		t.Errorf("in color: got error %v and\n%q", err, out.String())
	}
}
