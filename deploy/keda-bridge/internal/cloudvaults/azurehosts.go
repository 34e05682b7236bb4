package cloudvaults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// checkVault returns an error for a URL that is none of a vault of the cloud that scopes name: a token for a vault goes nowhere else.
func checkVault(uri string, scopes []string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" {
		return errors.New("vaultUri is not an https URL")
	}
	var domains []string
	for _, scope := range scopes {
		of, err := url.Parse(scope)
		if err != nil || of.Scheme != "https" || of.Hostname() == "" {
			return errors.New("cloud.keyVaultResourceURL is not an https URL")
		}
		domain := "." + of.Hostname()
		if strings.HasSuffix(u.Hostname(), domain) {
			return nil
		}
		domains = append(domains, domain)
	}
	slices.Sort(domains)
	return fmt.Errorf("vaultUri: the host %s is not one of a vault of this cloud: its name must end with %s", u.Hostname(), strings.Join(domains, " or "))
}

// checkAuthority returns an error for an authority to which the token of the Pod must not be sent: one that is neither of a cloud of Azure
// nor that of the environment. A server that gets this token can sign in as the Pod.
func checkAuthority(url string) error {
	allowed := []string{"", strings.TrimSuffix(os.Getenv("AZURE_AUTHORITY_HOST"), "/")}
	for _, of := range azureClouds {
		allowed = append(allowed, strings.TrimSuffix(of.ActiveDirectoryAuthorityHost, "/"))
	}
	if slices.Contains(allowed, strings.TrimSuffix(url, "/")) {
		return nil
	}
	return errors.New("podIdentity: the token of the Pod is sent only to the authorities of Azure's clouds and to AZURE_AUTHORITY_HOST of the KEDA bridge")
}

// limited gives tokens of some scopes. A vault chooses the scope, and must not get a token for another service.
type limited struct {
	credential azcore.TokenCredential
	scopes     []string
}

// GetToken implements azcore.TokenCredential.
func (l limited) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	for _, scope := range o.Scopes {
		if !slices.Contains(l.scopes, scope) {
			return azcore.AccessToken{}, fmt.Errorf("the vault asks for a token for %s, which is no vault of this cloud", scope)
		}
	}
	return l.credential.GetToken(ctx, o)
}
