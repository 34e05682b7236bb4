package cloudvaults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	keda "github.com/kedacore/keda/v2/pkg/scalers/aws"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// users numbers the users of KEDA's cache of configurations, which ends an entry with its last user.
var users atomic.Int64

// readAWS reads an AWS Secrets Manager.
func readAWS(ctx context.Context, r *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
	credentials, identity := r.GetCredentials(), r.GetPodIdentity()
	how := keda.AuthorizationMetadata{
		TriggerUniqueKey: fmt.Sprint("vault-", users.Add(1)), AwsRegion: r.GetSettings()["region"],
		AwsAccessKeyID: credentials["accessKey"], AwsSecretAccessKey: credentials["accessSecretKey"], AwsSessionToken: credentials["accessToken"],
	}
	switch {
	case identity.GetProvider() == "aws":
		how.AwsAccessKeyID, how.AwsSecretAccessKey, how.AwsSessionToken = "", "", ""
		how.UsingPodIdentity, how.AwsRoleArn, how.AwsExternalID = true, identity.GetRoleArn(), identity.GetExternalId()
	case identity.GetProvider() != "":
		return nil, fmt.Errorf("the provider %s cannot sign in to it", identity.GetProvider())
	case how.AwsAccessKeyID == "" || how.AwsSecretAccessKey == "":
		return nil, errAnonymous
	}
	defer keda.ClearAwsConfig(how)
	config, err := keda.GetAwsConfig(ctx, how)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	client := secretsmanager.NewFromConfig(*config, func(o *secretsmanager.Options) {
		o.HTTPClient = boundedClient{o.HTTPClient}
		o.RetryMaxAttempts = 1 // Impulse tries again.
	})
	return readTexts(ctx, r.GetSecrets(), func(ctx context.Context, of text) (string, error) {
		answer, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
			SecretId: &of.name, VersionId: set(of.version), VersionStage: set(of.stage),
		})
		switch {
		case err != nil:
			return "", awsReason(err)
		case answer.SecretString == nil:
			return "", errors.New("it is binary, and a parameter is a text")
		}
		return *answer.SecretString, nil
	}, valueAtKey)
}

// boundedClient bounds the size of answers.
type boundedClient struct{ secretsmanager.HTTPClient }

// Do implements secretsmanager.HTTPClient.
func (c boundedClient) Do(r *http.Request) (*http.Response, error) {
	return bounded(c.HTTPClient.Do(r))
}

// awsReason returns an error without the ID of the request, so that the same reason is the same text.
func awsReason(err error) error {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return errors.New(e.ErrorCode() + ": " + e.ErrorMessage())
	}
	return err
}

// valueAtKey returns the value of a secret, or that at its key. No error contains a value.
func valueAtKey(content string, s *bridgeapi.VaultSecret) (string, error) {
	if s.GetKey() == "" {
		return content, nil
	}
	var fields map[string]any
	if json.Unmarshal([]byte(content), &fields) != nil || fields == nil {
		return "", fmt.Errorf("it is no JSON object, which could have the key %s", s.GetKey())
	}
	value, ok := fields[s.GetKey()]
	if !ok {
		return "", fmt.Errorf("it has no key %s", s.GetKey())
	}
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("its key %s is not a text", s.GetKey())
	}
	return text, nil
}

// set returns nil for "".
func set(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
