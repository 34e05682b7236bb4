package inspect

import (
	"context"
	"errors"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/doctor"
)

// objects reads the ScaledObjects.
func (r *reader) objects(ctx context.Context) {
	r.in.Objects = list[v1alpha1.ScaledObject](ctx, r, ourObjects, r.Namespace, "")
}

// kedaObject is the part of an object of KEDA that is read.
type kedaObject struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Target struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Name       string `json:"name"`
		} `json:"scaleTargetRef"`
	} `json:"spec"`
}

// autoscalers reads what else scales in the namespaces of the objects.
func (r *reader) autoscalers(ctx context.Context) {
	r.in.HPAs = list[autoscalingv2.HorizontalPodAutoscaler](ctx, r, hpas, r.Namespace, "")
	all := list[kedaObject](ctx, r, kedaObjects, r.Namespace, "")
	if !errors.Is(all.Err, errNotServed) {
		r.in.KEDA.Err = all.Err
	}
	for i := range all.Value {
		k := &all.Value[i]
		r.in.KEDA.Value = append(r.in.KEDA.Value, doctor.KEDAObject{
			Key:        doctor.Key{Namespace: k.Metadata.Namespace, Name: k.Metadata.Name},
			APIVersion: k.Spec.Target.APIVersion, Kind: k.Spec.Target.Kind, Target: k.Spec.Target.Name,
		})
	}
}

// webhooks reads the configurations of admission webhooks.
func (r *reader) webhooks(ctx context.Context) {
	r.in.Webhooks = list[admissionregistrationv1.ValidatingWebhookConfiguration](ctx, r, webhooks, "", "")
}

// routings reads the AlertmanagerConfigs that post to Impulse, unless a configuration was given.
func (r *reader) routings(ctx context.Context) {
	if r.Routing != nil {
		r.in.Routings.Value = []doctor.Routing{*r.Routing}
		return
	}
	found, err := r.client.Resource(routes).Namespace(r.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		if err = r.explain(err, "list", routes, r.Namespace); !errors.Is(err, errNotServed) {
			r.in.Routings.Err = err
		}
		return
	}
	for i := range found.Items {
		routing, ours, err := doctor.ReadAlertmanagerConfig(found.Items[i].Object)
		if err != nil {
			r.in.Routings.Err = err
			return
		}
		if ours {
			r.in.Routings.Value = append(r.in.Routings.Value, routing)
		}
	}
}
