package inspect

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/analysis/doctor"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

// services reads the Services of the releases, their endpoints, and the Secrets that the releases name.
func (r *reader) services(ctx context.Context) {
	releases := doctor.Releases(r.in.Deployments.Value)
	var read []string
	for i := range releases {
		release := &releases[i]
		if !slices.Contains(read, release.Namespace) {
			read = append(read, release.Namespace)
			found := list[corev1.Service](ctx, r, services, release.Namespace, "")
			r.in.Services.Value = append(r.in.Services.Value, found.Value...)
			if found.Err != nil {
				r.in.Services.Err = found.Err
			}
		}
		if service := doctor.ReceiverService(r.in.Services.Value, release); service != nil {
			r.endpoints(ctx, doctor.Key{Namespace: service.Namespace, Name: service.Name})
		}
		for _, key := range release.Secrets() {
			r.secret(ctx, key)
		}
	}
	for _, webhook := range doctor.OwnWebhooks(r.in.Webhooks.Value) {
		for service := range doctor.ServicesOf(&webhook) {
			r.endpoints(ctx, service)
		}
	}
}

// endpoints counts the ready endpoints of a Service.
func (r *reader) endpoints(ctx context.Context, service doctor.Key) {
	found := list[discoveryv1.EndpointSlice](ctx, r, endpointSlices, service.Namespace, discoveryv1.LabelServiceName+"="+service.Name)
	ready := 0
	for i := range found.Value {
		for j := range found.Value[i].Endpoints {
			if e := &found.Value[i].Endpoints[j]; e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready++
			}
		}
	}
	r.in.Ready[service] = doctor.Read[int]{Value: ready, Err: found.Err}
}

// certificateKeys are the keys of Secrets whose values are certificates, which are no secrets.
var certificateKeys = []string{corev1.TLSCertKey, "ca.crt"}

// secret reads the keys and the certificates of a Secret.
func (r *reader) secret(ctx context.Context, key doctor.Key) {
	found, err := r.client.Resource(secrets).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		r.in.Secrets[key] = doctor.Read[*doctor.Secret]{}
		return
	}
	if err != nil {
		r.in.Secrets[key] = doctor.Read[*doctor.Secret]{Err: r.explain(err, "get", secrets, key.Namespace)}
		return
	}
	var secret corev1.Secret
	if err := objects.Decode(found, &secret); err != nil {
		r.in.Secrets[key] = doctor.Read[*doctor.Secret]{Err: err}
		return
	}
	s := &doctor.Secret{Certificates: map[string][]byte{}}
	for name, value := range secret.Data {
		if len(value) == 0 {
			continue
		}
		s.Keys = append(s.Keys, name)
		if slices.Contains(certificateKeys, name) {
			s.Certificates[name] = value
		}
	}
	slices.Sort(s.Keys)
	r.in.Secrets[key] = doctor.Read[*doctor.Secret]{Value: s}
}
