package credentials

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/cloudvault"
	"github.com/impulse-sh/impulse/internal/control/vault"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

// cloud is the secret manager of a cloud provider, as an authentication defines it.
type cloud struct {
	field string
	// settings describe the vault; see bridgeapi.ReadSecretsRequest.
	settings map[string]string
	// identity signs in, if its provider is provider. Otherwise the credentials do: texts of the authentication, and sources.
	identity *v1alpha1.PodIdentity
	provider string
	texts    map[string]string
	sources  map[string]*v1alpha1.SecretSource
	secrets  []*bridgeapi.VaultSecret
}

// readClouds reads the parameters that the secret managers of cloud providers have.
func (r *reading) readClouds(spec *v1alpha1.TriggerAuthenticationSpec) error {
	var all []cloud
	if v := spec.AzureKeyVault; v != nil {
		all = append(all, azureCloud(v))
	}
	if v := spec.GCPSecretManager; v != nil {
		all = append(all, googleCloud(v))
	}
	if v := spec.AWSSecretManager; v != nil {
		all = append(all, awsCloud(v))
	}
	for i := range all {
		if err := r.readCloud(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func azureCloud(v *v1alpha1.AzureKeyVault) cloud {
	c := cloud{field: cloudvault.Azure, provider: v1alpha1.IdentityAzure, identity: v.PodIdentity, settings: map[string]string{"vaultUri": v.VaultURI}}
	if of := v.Cloud; of != nil {
		c.settings["cloud"], c.settings["keyVaultResourceURL"], c.settings["activeDirectoryEndpoint"] = of.Type, of.KeyVaultResourceURL, of.ActiveDirectoryEndpoint
	}
	if from := v.Credentials; from != nil {
		c.texts = map[string]string{"clientId": from.ClientID, "tenantId": from.TenantID}
		c.sources = map[string]*v1alpha1.SecretSource{"clientSecret": &from.ClientSecret}
	}
	for _, s := range v.Secrets {
		c.secrets = append(c.secrets, &bridgeapi.VaultSecret{Parameter: s.Parameter, Name: s.Name, Version: s.Version})
	}
	return c
}

func googleCloud(v *v1alpha1.GCPSecretManager) cloud {
	c := cloud{field: cloudvault.Google, provider: v1alpha1.IdentityGoogle, identity: v.PodIdentity}
	if from := v.Credentials; from != nil {
		c.sources = map[string]*v1alpha1.SecretSource{"clientSecret": &from.ClientSecret}
	}
	for _, s := range v.Secrets {
		c.secrets = append(c.secrets, &bridgeapi.VaultSecret{Parameter: s.Parameter, Name: s.ID, Version: s.Version})
	}
	return c
}

func awsCloud(v *v1alpha1.AWSSecretManager) cloud {
	c := cloud{field: cloudvault.AWS, provider: v1alpha1.IdentityAWS, identity: v.PodIdentity, settings: map[string]string{"region": v.Region}}
	if from := v.Credentials; from != nil {
		c.sources = map[string]*v1alpha1.SecretSource{"accessKey": &from.AccessKey, "accessSecretKey": &from.AccessSecretKey}
		if from.AccessToken != nil {
			c.sources["accessToken"] = from.AccessToken
		}
	}
	for _, s := range v.Secrets {
		c.secrets = append(c.secrets, &bridgeapi.VaultSecret{
			Parameter: s.Parameter, Name: s.Name, Version: s.VersionID, Stage: s.VersionStage, Key: s.SecretKey,
		})
	}
	return c
}

// readCloud reads the parameters that a vault has, if one of them is wanted.
func (r *reading) readCloud(c *cloud) error {
	if !slices.ContainsFunc(c.secrets, func(s *bridgeapi.VaultSecret) bool { return r.wants(s.GetParameter()) }) {
		return nil
	}
	request := &bridgeapi.ReadSecretsRequest{Vault: c.field, Settings: c.settings, Secrets: c.secrets}
	var err error
	if c.identity == nil || c.identity.Provider == v1alpha1.IdentityNone {
		request.Credentials, err = r.cloudCredentials(c)
	} else {
		request.PodIdentity, err = r.cloudIdentity(c)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.field, err)
	}
	return r.readVault(c.field, []any{request}, func(ctx context.Context) (vault.Secrets, error) {
		values, err := r.k.all.options.Clouds.Read(ctx, request)
		return vault.Secrets{Values: values}, err
	})
}

// cloudCredentials returns the credentials with which to sign in to a vault.
func (r *reading) cloudCredentials(c *cloud) (map[string]string, error) {
	if c.sources == nil {
		return nil, errors.New("it has neither credentials nor a podIdentity")
	}
	values := map[string]string{}
	maps.Copy(values, c.texts)
	for _, name := range slices.Sorted(maps.Keys(c.sources)) {
		ref := c.sources[name].ValueFrom.SecretKeyRef
		value, _, err := r.key(r.k.all.secrets, v1alpha1.KeyRef{Name: ref.Name, Key: ref.Key})
		if err != nil {
			return nil, fmt.Errorf("credentials.%s: %w", name, err)
		}
		values[name] = strings.TrimSpace(value)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" {
			return nil, fmt.Errorf("credentials.%s is empty", name)
		}
	}
	return values, nil
}

// cloudIdentity returns the identity with which to sign in to a vault.
func (r *reading) cloudIdentity(c *cloud) (*bridgeapi.PodIdentity, error) {
	i := c.identity
	if i.Provider != c.provider {
		return nil, fmt.Errorf("podIdentity: the provider %s cannot sign in to it, only %s", i.Provider, c.provider)
	}
	role := i.RoleARN
	if isRoleOfWorkload(i) {
		var err error
		if role, _, err = r.roleOfTarget(true); err != nil {
			return nil, fmt.Errorf("podIdentity: %w", err)
		}
	}
	return &bridgeapi.PodIdentity{
		Provider: i.Provider, IdentityId: i.IdentityID, IdentityTenantId: i.IdentityTenantID, IdentityAuthorityHost: i.IdentityAuthorityHost,
		RoleArn: role, ExternalId: i.ExternalID, IdentityOwner: i.IdentityOwner,
	}, nil
}

// isRoleOfWorkload reports whether an identity is the role of each workload.
func isRoleOfWorkload(i *v1alpha1.PodIdentity) bool {
	return i != nil && i.Provider == v1alpha1.IdentityAWS && i.RoleARN == "" && i.IdentityOwner == v1alpha1.IdentityOfWorkload
}

// readAsWorkload reports whether a vault is read with the role of each workload.
func readAsWorkload(v *v1alpha1.AWSSecretManager) bool {
	return v != nil && isRoleOfWorkload(v.PodIdentity)
}
