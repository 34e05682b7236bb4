package servingcert

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// fakeCluster stands for an API server, because a real one does not live on virtual time.
type fakeCluster struct {
	mu       sync.Mutex
	secret   *corev1.Secret
	webhooks *admissionregistrationv1.ValidatingWebhookConfiguration
}

// env is a cluster with an empty Secret and two webhooks, and the replica that leads.
type env struct {
	t       *testing.T
	cluster *fakeCluster
	leader  atomic.Value
	log     *testkit.Log
}

func newEnv(t *testing.T) *env {
	t.Helper()
	webhook := func(name string) admissionregistrationv1.ValidatingWebhook {
		return admissionregistrationv1.ValidatingWebhook{Name: name, ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{Namespace: "impulse-system", Name: "impulse-admission"},
		}}
	}
	e := &env{t: t, log: testkit.NewLog(t), cluster: &fakeCluster{
		secret: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName, ResourceVersion: "1"}},
		webhooks: &admissionregistrationv1.ValidatingWebhookConfiguration{
			Webhooks: []admissionregistrationv1.ValidatingWebhook{webhook("one.impulse.sh"), webhook("two.impulse.sh")},
		},
	}}
	e.leader.Store("a")
	return e
}

// configuration returns a copy of the webhooks, and replace replaces them.
func (f *fakeCluster) configuration() *admissionregistrationv1.ValidatingWebhookConfiguration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.webhooks.DeepCopy()
}

func (f *fakeCluster) replace(c *admissionregistrationv1.ValidatingWebhookConfiguration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.webhooks = c
}

type fakeSecrets struct{ *fakeCluster }

func (f fakeSecrets) Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.secret.DeepCopy(), nil
}

func (f fakeSecrets) Create(context.Context, *corev1.Secret, metav1.CreateOptions) (*corev1.Secret, error) {
	return nil, apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, SecretName)
}

func (f fakeSecrets) Update(_ context.Context, s *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.ResourceVersion != f.secret.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, SecretName, nil)
	}
	version, err := strconv.Atoi(s.ResourceVersion)
	f.secret = s.DeepCopy()
	f.secret.ResourceVersion = strconv.Itoa(version + 1)
	return s, err
}

type fakeWebhooks struct{ *fakeCluster }

func (f fakeWebhooks) Get(_ context.Context, name string, _ metav1.GetOptions) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.webhooks == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "validatingwebhookconfigurations"}, name)
	}
	return f.webhooks.DeepCopy(), nil
}

// Patch applies the operations that bundlePatch makes.
func (f fakeWebhooks) Patch(
	_ context.Context, _ string, _ types.PatchType, patch []byte, _ metav1.PatchOptions, _ ...string,
) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var operations []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal(patch, &operations); err != nil {
		return nil, err
	}
	for _, o := range operations {
		var i int
		var field string
		if _, err := fmt.Sscanf(o.Path, "/webhooks/%d/%s", &i, &field); err != nil {
			return nil, err
		}
		if o.Op != "add" {
			continue
		}
		if err := json.Unmarshal(o.Value, &f.webhooks.Webhooks[i].ClientConfig.CABundle); err != nil {
			return nil, err
		}
	}
	return f.webhooks.DeepCopy(), nil
}
