package credentials

import (
	"context"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/cloudvault"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/grpcserver"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

func TestClouds(t *testing.T) {
	t.Run("parameters come from each vault, once for all triggers", testParametersComeFromEachCloud)
	t.Run("the credentials of a vault are those of Secrets, and follow them", testCredentialsOfCloudFollowSecrets)
	t.Run("an identity has the role of the workload, and is one that the vault takes", testIdentityOfCloudHasRole)
}

// fakeBridge is a bridge that reads vaults.
type fakeBridge struct {
	bridgeapi.UnimplementedBridgeServer

	reader *cloudvault.Reader

	mu    sync.Mutex
	asked []*bridgeapi.ReadSecretsRequest
	// password is the value of all parameters, and key the access key that is accepted.
	password, key string
}

func startBridge(t *testing.T) *fakeBridge {
	t.Helper()
	f := &fakeBridge{reader: &cloudvault.Reader{Bridge: testkit.FreeAddress(t), Pool: triggers.NewPool()}, password: "of the cloud"}
	grpcserver.Start(t, "tcp", f.reader.Bridge, func(s grpc.ServiceRegistrar) { bridgeapi.RegisterBridgeServer(s, f) })
	return f
}

// ReadSecrets implements bridgeapi.BridgeServer.
func (f *fakeBridge) ReadSecrets(_ context.Context, r *bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	if f.key != "" && r.GetCredentials()["accessKey"] != f.key {
		return nil, status.Error(codes.Unavailable, "the access key is unknown")
	}
	answer := &bridgeapi.ReadSecretsResponse{Version: bridgeapi.Version_VERSION_CURRENT, Values: map[string]string{}}
	for _, s := range r.GetSecrets() {
		answer.Values[s.GetParameter()] = f.password
	}
	return answer, nil
}

// last returns the number of requests, and the last one.
func (f *fakeBridge) last() (int, *bridgeapi.ReadSecretsRequest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.asked) == 0 {
		return 0, nil
	}
	return len(f.asked), f.asked[len(f.asked)-1]
}

// from returns a reference to the value of put in a Secret.
func from(secret string) v1alpha1.SecretSource {
	return v1alpha1.SecretSource{ValueFrom: v1alpha1.SecretValue{SecretKeyRef: v1alpha1.SecretKeyRef{Name: secret, Key: "pw"}}}
}

// ofAWS returns a vault of AWS with the parameter password.
func ofAWS() *v1alpha1.AWSSecretManager {
	return &v1alpha1.AWSSecretManager{
		Region: "eu-west-1", Secrets: []v1alpha1.AWSSecretManagerSecret{{Parameter: "password", Name: "db", VersionID: "1", VersionStage: "2", SecretKey: "pw"}},
	}
}

func testParametersComeFromEachCloud(t *testing.T) {
	v, f := newCredentialsEnv(t), startBridge(t)
	v.put("key", "{}\n")
	aws := ofAWS()
	aws.PodIdentity = &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS}
	for want, spec := range map[string]v1alpha1.TriggerAuthenticationSpec{
		`vault:"awsSecretManager" settings:{key:"region" value:"eu-west-1"} pod_identity:{provider:"aws"} ` +
			`secrets:{parameter:"password" name:"db" version:"1" stage:"2" key:"pw"}`: {AWSSecretManager: aws},
		`vault:"azureKeyVault" settings:{key:"activeDirectoryEndpoint" value:"https://login.example/"} settings:{key:"cloud" value:"Private"} ` +
			`settings:{key:"keyVaultResourceURL" value:"https://vault.example"} settings:{key:"vaultUri" value:"https://a.vault.example"} ` +
			`credentials:{key:"clientId" value:"client"} credentials:{key:"clientSecret" value:"{}"} credentials:{key:"tenantId" value:"tenant"} ` +
			`secrets:{parameter:"password" name:"db" version:"1"}`: {AzureKeyVault: &v1alpha1.AzureKeyVault{
			VaultURI:    "https://a.vault.example",
			Cloud:       &v1alpha1.AzureKeyVaultCloud{Type: "Private", KeyVaultResourceURL: "https://vault.example", ActiveDirectoryEndpoint: "https://login.example/"},
			Credentials: &v1alpha1.AzureKeyVaultCredentials{ClientID: "client", TenantID: "tenant", ClientSecret: from("key")},
			Secrets:     []v1alpha1.AzureKeyVaultSecret{{Parameter: "password", Name: "db", Version: "1"}},
		}},
		`vault:"gcpSecretManager" credentials:{key:"clientSecret" value:"{}"} secrets:{parameter:"password" name:"db" version:"1"}`: {
			GCPSecretManager: &v1alpha1.GCPSecretManager{
				Credentials: &v1alpha1.GCPCredentials{ClientSecret: from("key")},
				Secrets:     []v1alpha1.GCPSecretManagerSecret{{Parameter: "password", ID: "db", Version: "1"}},
			},
		},
	} {
		before, _ := f.last()
		c := v.credentials(v.config)
		c.options.Clouds = f.reader
		v.define("cloud", spec)
		k := v.open(c, "cloud")
		if got, err := v.secrets(k, "username"); err != nil || len(got) > 0 {
			t.Errorf("a parameter of no source: got %q and the error %v, want none", got, err)
		}
		if shared, err := settled(t, k, k.Shared); err != nil || !shared {
			t.Errorf("got shared %t and the error %v, want the same credentials for all triggers", shared, err)
		}
		for range 3 {
			v.expectValue(k, "of the cloud")
			v.expectValue(v.open(c, "cloud"), "of the cloud")
		}
		n, asked := f.last()
		if n != before+1 {
			t.Errorf("the vault was read %d times, want once for all triggers", n-before)
		}
		if got := strings.Join(strings.Fields(asked.String()), " "); got != "version:VERSION_CURRENT "+want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	v.define("cloud", v1alpha1.TriggerAuthenticationSpec{AWSSecretManager: aws})
	v.awaitError(v.open(v.credentials(v.config), "cloud"),
		"awsSecretManager: it is read through the KEDA bridge: start impulse-keda-bridge beside Impulse and set impulse run --keda-bridge")
}

func testCredentialsOfCloudFollowSecrets(t *testing.T) {
	v, f := newCredentialsEnv(t), startBridge(t)
	f.key = "AKID"
	spec := ofAWS()
	spec.Credentials = &v1alpha1.AWSSecretManagerCredentials{AccessKey: from("id"), AccessSecretKey: from("key"), AccessToken: new(from("token"))}
	v.define("cloud", v1alpha1.TriggerAuthenticationSpec{AWSSecretManager: spec})
	c := v.credentials(v.config)
	c.options.Clouds = f.reader
	k := v.open(c, "cloud")
	v.put("key", "secret")
	v.put("token", "session")
	v.awaitError(k, "awsSecretManager: credentials.accessKey: ")
	v.put("id", "")
	v.awaitError(k, "awsSecretManager: credentials.accessKey is empty")
	v.put("id", "AKIA")
	v.awaitError(k, "awsSecretManager: the access key is unknown")
	v.put("id", "AKID")
	v.awaitPassword(k, "of the cloud")
	if _, asked := f.last(); asked.GetCredentials()["accessSecretKey"] != "secret" || asked.GetCredentials()["accessToken"] != "session" {
		t.Errorf("got the credentials %q, want those of the Secrets", asked.GetCredentials())
	}
}

func testIdentityOfCloudHasRole(t *testing.T) {
	v, f := newCredentialsEnv(t), startBridge(t)
	v.createTarget()
	accounts := v.kube.CoreV1().ServiceAccounts(v.ns)
	_, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	annotate := []byte(`{"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:of-web"}}}`)
	if _, err := accounts.Patch(t.Context(), "default", types.MergePatchType, annotate, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	c := v.credentials(v.config)
	c.options.Clouds = f.reader
	k := v.open(c, "cloud")
	spec := ofAWS()
	// The API server refuses those without credentials and an identity.
	spec.PodIdentity = &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityEKS}
	v.define("cloud", v1alpha1.TriggerAuthenticationSpec{AWSSecretManager: spec})
	v.awaitError(k, "awsSecretManager: podIdentity: the provider aws-eks cannot sign in to it, only aws")
	spec.PodIdentity = &v1alpha1.PodIdentity{Provider: v1alpha1.IdentityAWS, IdentityOwner: v1alpha1.IdentityOfWorkload}
	v.define("cloud", v1alpha1.TriggerAuthenticationSpec{AWSSecretManager: spec})
	v.awaitPassword(k, "of the cloud")
	if _, asked := f.last(); asked.GetPodIdentity().GetRoleArn() != "arn:of-web" || len(asked.GetCredentials()) > 0 {
		t.Errorf("got the request %v, want one with the role of the workload", asked)
	}
	if shared, err := settled(t, k, k.Shared); err != nil || shared {
		t.Errorf("the role of a workload: got shared %t and the error %v, want credentials of each trigger", shared, err)
	}
}
