package credentials

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPodIdentity(t *testing.T) {
	t.Run("the identity is that of the authentication", testIdentityIsThatOfAuthentication)
	t.Run("the role of a workload is that of its service account", testRoleOfWorkloadIsThatOfItsServiceAccount)
	t.Run("an application in Entra defines the parameters of KEDA", testApplicationInEntraDefinesParametersOfKEDA)
	t.Run("the API server refuses an identity that means nothing", testAPIServerRefusesIdentityThatMeansNothing)
}

func testIdentityIsThatOfAuthentication(t *testing.T) {
	v := newCredentialsEnv(t)
	v.define("azure", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{
		Provider: v1alpha1.IdentityAzure, IdentityID: "id", IdentityTenantID: "tenant", IdentityAuthorityHost: "https://login.example",
	}})
	v.define("none", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityNone}})
	c := v.credentials(v.config)
	for name, want := range map[string]triggers.PodIdentity{
		"azure": {Provider: "azure-workload", IdentityID: "id", IdentityTenantID: "tenant", IdentityAuthorityHost: "https://login.example"},
		"none":  {},
		"login": {},
	} {
		k := v.open(c, name)
		if got, err := settled(t, k, k.PodIdentity); err != nil || got != want {
			t.Errorf("%s: got %+v and the error %v, want %+v", name, got, err, want)
		}
	}
	if got, err := c.Open(Use{Target: v.target}).PodIdentity(t.Context()); err != nil || got != (triggers.PodIdentity{}) {
		t.Errorf("without an authentication: got %+v and the error %v, want none", got, err)
	}
	shared := Use{Target: v.target, Ref: &v1alpha1.AuthenticationRef{Kind: clusterKind, Name: "shared"}}
	if err := shared.allowedBy(&v1alpha1.ClusterTriggerAuthenticationSpec{AllowedNamespaces: []string{"other"}}); !errors.Is(err, triggers.ErrNotAllowed) {
		t.Errorf("got the error %v, want that the namespace is not allowed", err)
	}
}

func testRoleOfWorkloadIsThatOfItsServiceAccount(t *testing.T) {
	v := newCredentialsEnv(t)
	v.createTarget()
	v.define("aws", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS, IdentityOwner: v1alpha1.IdentityOfWorkload}})
	v.define("eks", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityEKS}})
	v.define("fixed", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS, RoleARN: "arn:fixed"}})
	v.define("keda", v1alpha1.TriggerAuthenticationSpec{PodIdentity: &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS}})
	c := v.credentials(v.config)
	account := v.kube.CoreV1().ServiceAccounts(v.ns)
	_, err := account.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	_, err = account.Patch(t.Context(), "default", types.MergePatchType, []byte(`{"metadata": {"annotations": {"other": "x"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	workload := v.open(c, "aws")
	if _, err := v.secrets(workload); err == nil || !strings.Contains(err.Error(), "has no annotation eks.amazonaws.com/role-arn") {
		t.Errorf("without a role: got the error %v, want the annotation", err)
	}
	v.expectSecrets(v.open(c, "eks"), map[string]string{}, roleParameter)
	v.expectSecrets(v.open(c, "fixed"), map[string]string{roleParameter: "arn:fixed"})
	v.expectSecrets(v.open(c, "keda"), map[string]string{}, roleParameter)
	annotate := []byte(`{"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:of-web"}}}`)
	if _, err := account.Patch(t.Context(), "default", types.MergePatchType, annotate, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitChange(workload)
	v.expectSecrets(workload, map[string]string{roleParameter: "arn:of-web"})
	v.expectSecrets(v.open(c, "eks"), map[string]string{roleParameter: "arn:of-web"})
}

func testApplicationInEntraDefinesParametersOfKEDA(t *testing.T) {
	v := newCredentialsEnv(t)
	secret := &v1alpha1.SecretSource{ValueFrom: v1alpha1.SecretValue{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "pw"}}}
	v.define("entra", v1alpha1.TriggerAuthenticationSpec{AzureServicePrincipal: &v1alpha1.AzureServicePrincipal{TenantID: "t", ClientID: "c", ClientSecret: secret}})
	v.expectSecrets(v.open(v.credentials(v.config), "entra"), map[string]string{
		"azureServicePrincipal": "true", "azureServicePrincipalTenantId": "t", "azureServicePrincipalClientId": "c",
		"azureServicePrincipalClientSecret": "old-password",
	}, "azureServicePrincipalCloud", "azureServicePrincipalClientCertificate")
}

func testAPIServerRefusesIdentityThatMeansNothing(t *testing.T) {
	v := newCredentialsEnv(t)
	for want, identity := range map[string]v1alpha1.PodIdentity{
		"Unsupported value":              {Provider: "aws-kiam"},
		"exclude each other":             {Provider: "aws", RoleARN: "arn", IdentityOwner: "workload"},
		"externalID needs a roleArn":     {Provider: "aws", ExternalID: "x"},
		"needs an identityTenantId":      {Provider: "azure-workload", IdentityAuthorityHost: "https://login.example"},
		"supported values: \"keda\", \"": {Provider: "aws", IdentityOwner: "me"},
	} {
		a := &v1alpha1.TriggerAuthentication{
			TypeMeta:   metav1.TypeMeta{APIVersion: "impulse.sh/v1alpha1", Kind: "TriggerAuthentication"},
			ObjectMeta: metav1.ObjectMeta{Name: "wrong", Namespace: v.ns}, Spec: v1alpha1.TriggerAuthenticationSpec{PodIdentity: &identity},
		}
		err := v.ours.Post().Namespace(v.ns).Resource("triggerauthentications").Body(a).Do(t.Context()).Error()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got the error %v, want %s", identity, err, want)
		}
	}
}
