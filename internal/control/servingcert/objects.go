package servingcert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The keys of the Secret.
const (
	authoritiesKey = "ca.crt"
	currentKey     = "tls.crt"
	currentKeyKey  = "tls.key"
	nextKey        = "next.crt"
	nextKeyKey     = "next.key"
)

// materialOf returns the content of the Secret.
func materialOf(s *corev1.Secret) Material {
	return Material{
		Authorities: s.Data[authoritiesKey],
		Current:     Pair{s.Data[currentKey], s.Data[currentKeyKey]},
		Next:        Pair{s.Data[nextKey], s.Data[nextKeyKey]},
	}
}

// write sets the content of the Secret.
func (m Material) write(s *corev1.Secret) {
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	for key, value := range map[string][]byte{
		authoritiesKey: m.Authorities, currentKey: m.Current.Certificate, currentKeyKey: m.Current.Key,
		nextKey: m.Next.Certificate, nextKeyKey: m.Next.Key,
	} {
		if len(value) == 0 {
			delete(s.Data, key)
			continue
		}
		s.Data[key] = value
	}
}

// namesOf returns the names by which the API server calls the webhooks, sorted.
func namesOf(c *admissionregistrationv1.ValidatingWebhookConfiguration) []string {
	var names []string
	for i := range c.Webhooks {
		client := &c.Webhooks[i].ClientConfig
		switch {
		case client.Service != nil:
			names = append(names, client.Service.Name+"."+client.Service.Namespace+".svc")
		case client.URL != nil:
			if u, err := url.Parse(*client.URL); err == nil && u.Hostname() != "" {
				names = append(names, u.Hostname())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// published reports whether all webhooks have these CA certificates.
func published(c *admissionregistrationv1.ValidatingWebhookConfiguration, authorities []byte) bool {
	return !slices.ContainsFunc(c.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
		return !bytes.Equal(w.ClientConfig.CABundle, authorities)
	})
}

// bundlePatch returns the JSON Patch that publishes CA certificates; nil if nothing is to be changed. It is applied only to the webhooks
// that were read.
func bundlePatch(c *admissionregistrationv1.ValidatingWebhookConfiguration, authorities []byte) ([]byte, error) {
	var operations []map[string]any
	for i := range c.Webhooks {
		if bytes.Equal(c.Webhooks[i].ClientConfig.CABundle, authorities) {
			continue
		}
		path := fmt.Sprintf("/webhooks/%d/", i)
		operations = append(operations,
			map[string]any{"op": "test", "path": path + "name", "value": c.Webhooks[i].Name},
			map[string]any{"op": "add", "path": path + "clientConfig/caBundle", "value": authorities})
	}
	if operations == nil {
		return nil, nil
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encode the caBundle: %w", err)
	}
	return patch, nil
}

func (c *Certificate) patch(ctx context.Context, patch []byte) error {
	_, err := c.options.Webhooks.Patch(ctx, c.options.Webhook, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: "impulse"})
	return err
}
