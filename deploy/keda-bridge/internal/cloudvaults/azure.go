package cloudvaults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

// maxBody bounds the size of an answer, in bytes: a secret has 25 KiB at most in Azure, and 64 KiB in AWS.
const maxBody = 1 << 20

// azureClouds are the clouds of Azure by name.
var azureClouds = map[string]azureCloud{
	"AzurePublicCloud":       {cloud.AzurePublic, "https://vault.azure.net/.default"},
	"AzureChinaCloud":        {cloud.AzureChina, "https://vault.azure.cn/.default"},
	"AzureUSGovernmentCloud": {cloud.AzureGovernment, "https://vault.usgovcloudapi.net/.default"},
}

// azureCloud is a cloud, with the scope of the tokens for its vaults.
type azureCloud struct {
	cloud.Configuration

	scope string
}

// readAzure reads a vault of Azure Key Vault.
func readAzure(ctx context.Context, r *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
	return readAzureWith(ctx, r, clientOf(http.DefaultTransport))
}

// clientOf returns an HTTP client that bounds the size of answers, and follows no redirect: a token belongs to one server.
func clientOf(t http.RoundTripper) *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: &boundedTransport{t}, CheckRedirect: stay}
}

// readAzureWith is readAzure with an HTTP client.
func readAzureWith(ctx context.Context, r *bridgeapi.ReadSecretsRequest, via *http.Client) (map[string]string, error) {
	options := azcore.ClientOptions{Transport: via, Retry: policy.RetryOptions{MaxRetries: -1}} // Impulse tries again.
	scopes, err := cloudOf(r.GetSettings(), &options)
	if err != nil {
		return nil, err
	}
	if err := checkVault(r.GetSettings()["vaultUri"], scopes); err != nil {
		return nil, err
	}
	credential, err := azureCredential(r, options)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	client, err := azsecrets.NewClient(r.GetSettings()["vaultUri"], limited{credential, scopes}, &azsecrets.ClientOptions{ClientOptions: options})
	if err != nil {
		return nil, err
	}
	return readTexts(ctx, r.GetSecrets(), func(ctx context.Context, of text) (string, error) {
		answer, err := client.GetSecret(ctx, of.name, of.version, nil)
		switch {
		case err != nil:
			return "", azureReason(err)
		case answer.Value == nil:
			return "", errors.New("the answer has no value")
		}
		return *answer.Value, nil
	}, whole)
}

// cloudOf sets the cloud that settings name, and returns the scopes of tokens. Without a name, AZURE_AUTHORITY_HOST may name another cloud.
func cloudOf(settings map[string]string, options *azcore.ClientOptions) (scopes []string, err error) {
	name := settings["cloud"]
	of, known := azureClouds[name]
	switch {
	case name == "":
		for _, of := range azureClouds {
			scopes = append(scopes, of.scope)
		}
		return scopes, nil
	case name == "Private":
		of.ActiveDirectoryAuthorityHost, of.scope = settings["activeDirectoryEndpoint"], strings.TrimSuffix(settings["keyVaultResourceURL"], "/")+"/.default"
		if of.ActiveDirectoryAuthorityHost == "" || settings["keyVaultResourceURL"] == "" {
			return nil, errors.New("cloud.type: Private needs activeDirectoryEndpoint and keyVaultResourceURL")
		}
	case !known:
		return nil, fmt.Errorf("cloud.type: there is no cloud %s", name)
	}
	options.Cloud = of.Configuration
	return []string{of.scope}, nil
}

// azureCredential returns what signs in to Azure.
func azureCredential(r *bridgeapi.ReadSecretsRequest, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	credentials, identity := r.GetCredentials(), r.GetPodIdentity()
	private := r.GetSettings()["cloud"] == "Private"
	switch {
	case identity.GetProvider() == "azure-workload":
		if host := identity.GetIdentityAuthorityHost(); host != "" {
			options.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: host}
		}
		if err := checkAuthority(options.Cloud.ActiveDirectoryAuthorityHost); err != nil {
			return nil, err
		}
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, ClientID: identity.GetIdentityId(), TenantID: identity.GetIdentityTenantId(), DisableInstanceDiscovery: private,
		})
	case identity.GetProvider() != "":
		return nil, fmt.Errorf("the provider %s cannot sign in to it", identity.GetProvider())
	case credentials["clientId"] == "" || credentials["tenantId"] == "" || credentials["clientSecret"] == "":
		return nil, errAnonymous
	}
	return azidentity.NewClientSecretCredential(
		credentials["tenantId"], credentials["clientId"], credentials["clientSecret"],
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: private},
	)
}

// codeOfEntra matches the code of an error of Microsoft Entra.
var codeOfEntra = regexp.MustCompile(`AADSTS[0-9]+`)

// azureReason returns an error without what changes with each request, such as the trace ID, so that the same reason is the same text.
func azureReason(err error) error {
	if e, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		if code := codeOfEntra.FindString(e.Error()); code != "" {
			return errors.New("sign in: the authority answered with the error " + code)
		}
	}
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return errors.New(strings.TrimSpace(fmt.Sprintf("the vault answered %d %s", e.StatusCode, e.ErrorCode)))
	}
	return err
}

// boundedTransport bounds the size of answers.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return bounded(t.RoundTripper.RoundTrip(r))
}

// bounded bounds the size of an answer.
func bounded(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxBody), response.Body}
	return response, nil
}
