package cloudvaults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

func TestAWS(t *testing.T) {
	t.Run("the secrets are read with an access key, each version once", testSecretsOfAWSAreRead)
	t.Run("the identity of the process and a role sign in", testIdentitySignsInToAWS)
	t.Run("what is no text is an error without the secret", testWhatIsNoTextIsErrorOfAWS)
	t.Run("without credentials nothing is asked, whatever the environment has", testAWSWithoutCredentials)
}

// fakeAWS answers as AWS Secrets Manager and the Security Token Service document it.
type fakeAWS struct {
	mu sync.Mutex
	// answers are the fields of answers by the names of secrets; one without a name is a secret that does not exist.
	answers map[string]map[string]any
	// asked are the requests, with the access key that signed them, and roles those for a role.
	asked, roles []string
}

// startAWS starts a server of AWS, which the libraries of this process use, with the credentials of the environment.
func startAWS(t *testing.T) *fakeAWS {
	t.Helper()
	f := &fakeAWS{answers: map[string]map[string]any{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	none := t.TempDir() + "/none"
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDOFPOD", "AWS_SECRET_ACCESS_KEY": "wJalrOfPod",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return f
}

// ServeHTTP implements http.Handler.
func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	signature, _, _ = strings.Cut(signature, "/aws4_request")
	key, _, _ := strings.Cut(signature, "/")
	if r.Header.Get("X-Amz-Target") == "" && r.FormValue("Action") == "AssumeRole" {
		f.roles = append(f.roles, key+" "+r.FormValue("RoleArn")+" "+r.FormValue("ExternalId"))
		_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
			`<AccessKeyId>ASIAOFROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration>`+
			`</Credentials></AssumeRoleResult></AssumeRoleResponse>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		return
	}
	var input struct{ SecretId, VersionId, VersionStage string }
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || json.NewDecoder(r.Body).Decode(&input) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	region := strings.Split(signature+"///", "/")[2]
	asked := strings.Join([]string{key, region, input.SecretId, input.VersionId, input.VersionStage, r.Header.Get("X-Amz-Security-Token")}, " ")
	f.asked = append(f.asked, strings.Join(strings.Fields(asked), " "))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer, ok := f.answers[input.SecretId]
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// requests returns what was asked since the last call.
func (f *fakeAWS) requests() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := strings.Join(f.asked, ", ")
	f.asked = nil
	return text
}

// ofAWS returns a request with an access key.
func ofAWS(secrets ...*bridgeapi.VaultSecret) *bridgeapi.ReadSecretsRequest {
	return &bridgeapi.ReadSecretsRequest{
		Settings:    map[string]string{"region": "eu-west-1"},
		Credentials: map[string]string{"accessKey": "AKIDEXAMPLE", "accessSecretKey": "wJalrXUtnFEMI"}, Secrets: secrets,
	}
}

func testSecretsOfAWSAreRead(t *testing.T) {
	f := startAWS(t)
	f.answers["db"] = map[string]any{"Name": "db", "SecretString": `{"username": "shop", "password": "s3cret", "port": 5432}`}
	f.answers["token"] = map[string]any{"Name": "token", "SecretString": "abc\n"}
	r := ofAWS(
		&bridgeapi.VaultSecret{Parameter: "userName", Name: "db", Key: "username"}, &bridgeapi.VaultSecret{Parameter: "password", Name: "db", Key: "password"},
	)
	got, err := readAWS(t.Context(), r)
	if want := map[string]string{"userName": "shop", "password": "s3cret"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v and the error %v, want %v", got, err, want)
	}
	if got, want := f.requests(), "AKIDEXAMPLE eu-west-1 db"; got != want {
		t.Errorf("got the requests %s, want %s", got, want)
	}
	r = ofAWS(&bridgeapi.VaultSecret{Parameter: "token", Name: "token", Version: "11111111-1111-1111-1111-111111111111", Stage: "AWSPREVIOUS"})
	r.Settings, r.Credentials["accessToken"] = nil, "session"
	if got, err := readAWS(t.Context(), r); err != nil || got["token"] != "abc\n" {
		t.Errorf("got %q and the error %v, want the whole secret", got, err)
	}
	if got, want := f.requests(), "AKIDEXAMPLE eu-central-1 token 11111111-1111-1111-1111-111111111111 AWSPREVIOUS session"; got != want {
		t.Errorf("got the requests %s, want %s", got, want)
	}
}

func testIdentitySignsInToAWS(t *testing.T) {
	f := startAWS(t)
	f.answers["token"] = map[string]any{"SecretString": "abc"}
	for _, c := range []struct {
		identity     *bridgeapi.PodIdentity
		asked, roles string
	}{
		{&bridgeapi.PodIdentity{Provider: "aws"}, "AKIDOFPOD eu-west-1 token", ""},
		{&bridgeapi.PodIdentity{Provider: "aws", RoleArn: "arn:aws:iam::1:role/a", ExternalId: "x"}, "ASIAOFROLE eu-west-1 token t", "AKIDOFPOD arn:aws:iam::1:role/a x"},
	} {
		r := ofAWS(&bridgeapi.VaultSecret{Parameter: "token", Name: "token"})
		r.Credentials, r.PodIdentity = nil, c.identity
		got, err := readAWS(t.Context(), r)
		if asked := f.requests(); err != nil || got["token"] != "abc" || asked != c.asked || strings.Join(f.roles, ", ") != c.roles {
			t.Errorf("%v: got %v, the error %v, the requests %s and the roles %q, want %s and %q", c.identity, got, err, asked, f.roles, c.asked, c.roles)
		}
	}
}

func testWhatIsNoTextIsErrorOfAWS(t *testing.T) {
	f := startAWS(t)
	f.answers["binary"] = map[string]any{"SecretBinary": "aHVudGVyMg=="}
	f.answers["text"] = map[string]any{"SecretString": "hunter2"}
	f.answers["huge"] = map[string]any{"SecretString": strings.Repeat("x", maxBody)}
	f.answers["null"] = map[string]any{"SecretString": "null"}
	f.answers["object"] = map[string]any{"SecretString": `{"port": 5432, "hunter2": "hunter2"}`}
	for _, c := range []struct{ name, key, want string }{
		{"binary", "", "parameter p: secret binary: it is binary, and a parameter is a text"},
		{"binary", "password", "it is binary"},
		{"text", "password", "it is no JSON object, which could have the key password"},
		{"null", "password", "it is no JSON object"},
		{"object", "password", "it has no key password"},
		{"object", "port", "its key port is not a text"},
		{"huge", "", "parameter p: secret huge: "},
		{"missing", "", "parameter p: secret missing: ResourceNotFoundException: Secrets Manager can't find the specified secret."},
	} {
		got, err := readAWS(t.Context(), ofAWS(&bridgeapi.VaultSecret{Parameter: "p", Name: c.name, Key: c.key}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s %s: got %v and the error %v, want %s", c.name, c.key, got, err, c.want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := readAWS(ended, ofAWS(&bridgeapi.VaultSecret{Parameter: "p", Name: "text"})); err == nil {
		t.Errorf("without time: got %v, want an error", got)
	}
}

func testAWSWithoutCredentials(t *testing.T) {
	f := startAWS(t)
	for _, identity := range []*bridgeapi.PodIdentity{nil, {Provider: "aws-eks"}, {Provider: "gcp"}} {
		r := ofAWS(&bridgeapi.VaultSecret{Parameter: "p", Name: "text"})
		r.Credentials, r.PodIdentity = map[string]string{"accessKey": "AKID"}, identity
		if got, err := readAWS(t.Context(), r); err == nil || f.requests() != "" {
			t.Errorf("%v: got %v and the error %v, want one and no request", identity, got, err)
		}
	}
}
