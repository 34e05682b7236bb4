package cloudvaults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"

	"cloud.google.com/go/compute/metadata"
	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// maxPayload bounds the size of an answer of Google, in bytes: a secret has 64 KiB at most.
const maxPayload = 1 << 20

// readGoogle reads a Secret Manager of Google Cloud.
func readGoogle(ctx context.Context, r *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
	var project string
	var options []option.ClientOption
	var err error
	switch provider := r.GetPodIdentity().GetProvider(); {
	case provider == "gcp":
		project, err = projectOfPod(ctx)
	case provider != "":
		err = fmt.Errorf("the provider %s cannot sign in to it", provider)
	default:
		var account *google.Credentials
		if account, err = accountOf(ctx, r.GetCredentials()["clientSecret"]); err == nil {
			project, options = account.ProjectID, []option.ClientOption{option.WithCredentials(account)}
		}
	}
	if err != nil {
		return nil, err
	}
	return readProject(ctx, project, r.GetSecrets(), options...)
}

// readProject reads secrets of a project.
func readProject(ctx context.Context, project string, secrets []*bridgeapi.VaultSecret, options ...option.ClientOption) (map[string]string, error) {
	bounded := option.WithGRPCDialOption(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxPayload)))
	client, err := secretmanager.NewClient(ctx, append(options, bounded)...)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	defer func() { _ = client.Close() }() // All answers have been read.
	return readTexts(ctx, secrets, func(ctx context.Context, of text) (string, error) {
		if of.version == "" {
			of.version = "latest"
		}
		answer, err := client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{
			Name: "projects/" + project + "/secrets/" + of.name + "/versions/" + of.version,
		}, gax.WithRetry(nil)) // Impulse tries again.
		switch payload := answer.GetPayload(); {
		case err != nil:
			s := status.Convert(err)
			return "", fmt.Errorf("%s: %s", s.Code(), s.Message())
		case payload == nil:
			return "", errors.New("the answer has no value")
		case payload.DataCrc32C != nil && payload.GetDataCrc32C() != int64(crc32.Checksum(payload.GetData(), crc32.MakeTable(crc32.Castagnoli))):
			return "", errors.New("the value was damaged on its way: its checksum differs")
		default:
			return string(payload.GetData()), nil
		}
	}, whole)
}

// accountOf returns the credentials in the key of a service account. A key of another type is refused: it could name files and servers.
func accountOf(ctx context.Context, key string) (*google.Credentials, error) {
	if key == "" {
		return nil, errAnonymous
	}
	var account struct {
		Project string `json:"project_id"`
	}
	if json.Unmarshal([]byte(key), &account) != nil || account.Project == "" { // Its error could repeat the key.
		return nil, errors.New("credentials.clientSecret is not the JSON key of a service account with a project_id")
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, clientOf(http.DefaultTransport)) // It asks the token_uri of the key, and no other server.
	credentials, err := google.CredentialsFromJSONWithType(ctx, []byte(key), google.ServiceAccount, secretmanager.DefaultAuthScopes()...)
	if err != nil {
		return nil, fmt.Errorf("read credentials.clientSecret: %w", err)
	}
	return credentials, nil
}

// projectOfPod returns the project of the identity of this process, by its environment or the metadata service.
func projectOfPod(ctx context.Context) (string, error) {
	if project, ok := os.LookupEnv("CLOUDSDK_CORE_PROJECT"); ok {
		return project, nil
	}
	project, err := metadata.ProjectIDWithContext(ctx)
	if err != nil {
		return "", fmt.Errorf("find the project of the Pod: %w", err)
	}
	return project, nil
}
