package cloudvault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/grpcserver"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

func TestReader(t *testing.T) {
	t.Run("without a bridge the error names the flag", testWithoutBridgeErrorNamesFlag)
	t.Run("everything but a value of each parameter is an error", testEverythingButValuesIsError)
	t.Run("a request with a refused server, or one that cannot be checked, is not sent", testRequestWithRefusedServerIsNotSent)
	t.Run("the servers of each vault are checked", testServersOfEachVaultAreChecked)
}

// fakeBridge is a bridge that reads vaults.
type fakeBridge struct {
	bridgeapi.UnimplementedBridgeServer

	address string
	answer  func(*bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error)
}

// startBridge starts a bridge with an answer.
func startBridge(t *testing.T) *fakeBridge {
	t.Helper()
	f := &fakeBridge{address: testkit.FreeAddress(t)}
	grpcserver.Start(t, "tcp", f.address, func(s grpc.ServiceRegistrar) { bridgeapi.RegisterBridgeServer(s, f) })
	return f
}

// ReadSecrets implements bridgeapi.BridgeServer.
func (f *fakeBridge) ReadSecrets(_ context.Context, r *bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) {
	return f.answer(r)
}

// request returns a request for a vault of AWS.
func request() *bridgeapi.ReadSecretsRequest {
	return &bridgeapi.ReadSecretsRequest{
		Vault: AWS, Settings: map[string]string{"region": "eu-west-1"}, Credentials: map[string]string{"accessKey": "AKID"},
		Secrets: []*bridgeapi.VaultSecret{{Parameter: "username", Name: "db", Key: "user"}, {Parameter: "password", Name: "db", Key: "pw"}},
	}
}

// values returns an answer of this version.
func values(v map[string]string) *bridgeapi.ReadSecretsResponse {
	return &bridgeapi.ReadSecretsResponse{Version: bridgeapi.Version_VERSION_CURRENT, Values: v}
}

func testWithoutBridgeErrorNamesFlag(t *testing.T) {
	const want = "it is read through the KEDA bridge: start impulse-keda-bridge beside Impulse and set impulse run --keda-bridge"
	for _, r := range []*Reader{nil, {}} {
		if _, err := r.Read(t.Context(), request()); err == nil || err.Error() != want {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

func testEverythingButValuesIsError(t *testing.T) {
	f := startBridge(t)
	r := &Reader{Bridge: f.address, Pool: triggers.NewPool()}
	good := map[string]string{"username": "shop", "password": "s3cret"}
	f.answer = func(got *bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) {
		if got.GetVersion() != bridgeapi.Version_VERSION_CURRENT || got.GetVault() != AWS || len(got.GetSecrets()) != 2 || got.GetCredentials()["accessKey"] != "AKID" {
			return nil, errors.New("it is another request")
		}
		return values(good), nil
	}
	if got, err := r.Read(t.Context(), request()); err != nil || !maps.Equal(got, good) {
		t.Errorf("got %v and the error %v, want %v", got, err, good)
	}
	other := values(good)
	other.Version = 2
	for name, c := range map[string]struct {
		answer *bridgeapi.ReadSecretsResponse
		err    error
		want   string
	}{
		"a missing value": {answer: values(map[string]string{"username": "shop"}), want: "parameter password: the KEDA bridge gives no value"},
		"another version": {answer: other, want: fmt.Sprintf("version 2 of the protocol, and Impulse version %d", bridgeapi.Version_VERSION_CURRENT)},
		"huge":            {answer: values(map[string]string{"username": strings.Repeat("x", maxAnswer)}), want: "larger than max"},
		"an error":        {err: status.Error(codes.Unavailable, "secret db:\nNotFound"), want: `secret db:\nNotFound`},
		"an older bridge": {err: status.Error(codes.Unimplemented, "unknown method"), want: "the KEDA bridge does not have it: unknown method"},
	} {
		f.answer = func(*bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) { return c.answer, c.err }
		if got, err := r.Read(t.Context(), request()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v and the error %v, want %q", name, got, err, c.want)
		}
	}
}

func testRequestWithRefusedServerIsNotSent(t *testing.T) {
	f := startBridge(t)
	f.answer = func(*bridgeapi.ReadSecretsRequest) (*bridgeapi.ReadSecretsResponse, error) {
		t.Error("a request was sent")
		return nil, errors.New("it was sent")
	}
	refused := func(_ context.Context, host string) error { return errors.New(host + " is refused") }
	r := &Reader{Bridge: f.address, Pool: triggers.NewPool(), CheckHost: refused}
	for want, change := range map[string]func(*bridgeapi.ReadSecretsRequest){
		"region: secretsmanager.eu-west-1.amazonaws.com is refused":        func(*bridgeapi.ReadSecretsRequest) {},
		`region: "eu.example" is not a region such as eu-west-1`:           func(r *bridgeapi.ReadSecretsRequest) { r.Settings["region"] = "eu.example" },
		"vaultUri: 169.254.169.254 is refused":                             azureAt("https://169.254.169.254"),
		"vaultUri: keda.vault.azure.net is refused":                        azureAt("https://keda.vault.azure.net"),
		`vaultUri: "http://keda.vault.azure.net" is not an https URL`:      azureAt("http://keda.vault.azure.net"),
		`vaultUri: "https://a@keda.vault.azure.net" is not an https URL`:   azureAt("https://a@keda.vault.azure.net"),
		`vaultUri: "" is not an https URL`:                                 azureAt(""),
		"credentials.clientSecret is not the JSON key":                     googleWith(`hunter2`),
		`universe_domain of credentials.clientSecret: "a/b" is not a dom`:  googleWith(`{"universe_domain": "a/b"}`),
		"token_uri of credentials.clientSecret: \"http://a/\" is not an h": googleWith(`{"token_uri": "http://a/"}`),
		"there is no vault other":                                          func(r *bridgeapi.ReadSecretsRequest) { r.Vault = "other" },
	} {
		changed := request()
		change(changed)
		if _, err := r.Read(t.Context(), changed); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

// azureAt makes a request one for a vault of Azure.
func azureAt(uri string) func(*bridgeapi.ReadSecretsRequest) {
	return func(r *bridgeapi.ReadSecretsRequest) { r.Vault, r.Settings = Azure, map[string]string{"vaultUri": uri} }
}

// googleWith makes a request one for a Secret Manager of Google Cloud.
func googleWith(key string) func(*bridgeapi.ReadSecretsRequest) {
	return func(r *bridgeapi.ReadSecretsRequest) {
		r.Vault, r.Credentials = Google, map[string]string{"clientSecret": key}
	}
}

func testServersOfEachVaultAreChecked(t *testing.T) {
	for _, c := range []struct {
		request *bridgeapi.ReadSecretsRequest
		want    string
	}{
		{request(), "secretsmanager.eu-west-1.amazonaws.com"},
		{&bridgeapi.ReadSecretsRequest{Vault: AWS, Settings: map[string]string{"region": "cn-north-1"}}, "secretsmanager.cn-north-1.amazonaws.com.cn"},
		{&bridgeapi.ReadSecretsRequest{Vault: AWS, Settings: map[string]string{"region": "eusc-de-east-1"}}, "secretsmanager.eusc-de-east-1.amazonaws.eu"},
		{&bridgeapi.ReadSecretsRequest{Vault: AWS}, ""},
		{&bridgeapi.ReadSecretsRequest{
			Vault: Azure, Settings: map[string]string{"vaultUri": "https://keda.vault.azure.net/", "activeDirectoryEndpoint": "https://login.example:8443/"},
			PodIdentity: &bridgeapi.PodIdentity{IdentityAuthorityHost: "https://10.0.0.1/"},
		}, "keda.vault.azure.net login.example 10.0.0.1"},
		{&bridgeapi.ReadSecretsRequest{Vault: Google}, "secretmanager.googleapis.com"},
		{&bridgeapi.ReadSecretsRequest{Vault: Google, Credentials: map[string]string{
			"clientSecret": `{"TOKEN_uri": "https:\/\/\u0031\u0030.0.0.1\/token", "universe_domain": "internal"}`,
		}}, "secretmanager.internal 10.0.0.1"},
	} {
		servers, err := serversOf(c.request)
		var hosts []string
		for _, s := range servers {
			hosts = append(hosts, s.host)
		}
		if got := strings.Join(hosts, " "); err != nil || got != c.want {
			t.Errorf("%v: got %s and the error %v, want %s", c.request, got, err, c.want)
		}
	}
}
