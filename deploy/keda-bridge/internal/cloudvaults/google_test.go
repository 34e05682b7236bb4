package cloudvaults

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"hash/crc32"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

func TestGoogle(t *testing.T) {
	t.Run("the secrets of a project are read, and what is damaged is an error", testSecretsOfProjectAreRead)
	t.Run("only the key of a service account signs in", testOnlyKeyOfServiceAccountSignsIn)
	t.Run("what the key signs goes to its token_uri, and follows no redirect", testAssertionFollowsNoRedirect)
}

// fakeGoogle is a Secret Manager with its own API.
type fakeGoogle struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	payloads map[string]*secretmanagerpb.SecretPayload
}

// AccessSecretVersion implements secretmanagerpb.SecretManagerServiceServer.
func (f *fakeGoogle) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	payload, ok := f.payloads[r.GetName()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found", r.GetName())
	}
	return &secretmanagerpb.AccessSecretVersionResponse{Name: r.GetName(), Payload: payload}, nil
}

func testSecretsOfProjectAreRead(t *testing.T) {
	f := &fakeGoogle{payloads: map[string]*secretmanagerpb.SecretPayload{
		"projects/shop/secrets/db/versions/latest": {Data: []byte("s3cret"), DataCrc32C: new(int64(crc32.Checksum([]byte("s3cret"), crc32.MakeTable(crc32.Castagnoli))))},
		"projects/shop/secrets/db/versions/1":      {Data: []byte("old")},
		"projects/shop/secrets/bad/versions/1":     {Data: []byte("hunter2"), DataCrc32C: new(int64(1))},
		"projects/shop/secrets/none/versions/1":    nil,
		"projects/shop/secrets/huge/versions/1":    {Data: make([]byte, maxPayload)},
	}}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, f)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	defer func() {
		server.Stop()
		<-ended
	}()
	read := func(secrets ...*bridgeapi.VaultSecret) (map[string]string, error) {
		return readProject(t.Context(), "shop", secrets, option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	got, err := read(&bridgeapi.VaultSecret{Parameter: "now", Name: "db"}, &bridgeapi.VaultSecret{Parameter: "then", Name: "db", Version: "1"})
	if want := map[string]string{"now": "s3cret", "then": "old"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v and the error %v, want %v", got, err, want)
	}
	for name, want := range map[string]string{
		"bad": "parameter p: secret bad: the value was damaged", "none": "the answer has no value", "huge": "ResourceExhausted",
		"missing": "parameter p: secret missing: NotFound: Secret [projects/shop/secrets/missing/versions/1] not found",
	} {
		got, err := read(&bridgeapi.VaultSecret{Parameter: "p", Name: name, Version: "1"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v and the error %v, want %s", name, got, err, want)
		}
	}
}

func testOnlyKeyOfServiceAccountSignsIn(t *testing.T) {
	for key, want := range map[string]string{
		"":                            errAnonymous.Error(),
		"hunter2":                     "is not the JSON key of a service account with a project_id",
		`{"type": "service_account"}`: "is not the JSON key of a service account with a project_id",
		`{"project_id": 5, "a": "x"}`: "is not the JSON key of a service account with a project_id",
		`{"type": "external_account", "project_id": "shop", "credential_source": {"file": "token"}}`: "read credentials.clientSecret: ",
	} {
		r := &bridgeapi.ReadSecretsRequest{Credentials: map[string]string{"clientSecret": key}}
		if got, err := readGoogle(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v and the error %v, want %s", key, got, err, want)
		}
	}
	r := &bridgeapi.ReadSecretsRequest{PodIdentity: &bridgeapi.PodIdentity{Provider: "aws"}}
	if got, err := readGoogle(t.Context(), r); err == nil {
		t.Errorf("another identity: got %v, want an error", got)
	}
}

func testAssertionFollowsNoRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other server was asked") }))
	defer other.Close()
	asked := make(chan string, 8)
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.FormValue("assertion")
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer authority.Close()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "shop", "client_email": "a@shop.example", "token_uri": authority.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
	})
	if err != nil {
		t.Fatal(err)
	}
	account, err := accountOf(t.Context(), string(key))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := account.TokenSource.Token(); err == nil || !strings.Contains(err.Error(), "307") || strings.Contains(err.Error(), "PRIVATE KEY") {
		t.Errorf("got %v and the error %v, want that of the redirect", got, err)
	}
	select {
	case assertion := <-asked:
		if assertion == "" {
			t.Error("the authority got no assertion")
		}
	default:
		t.Error("the authority was not asked")
	}
}
