package v1alpha1

// AzureKeyVault is a vault of Azure Key Vault, and the parameters that are secrets there.
//
// +kubebuilder:validation:XValidation:rule="has(self.credentials) || has(self.podIdentity) && self.podIdentity.provider != 'none'",message="credentials or a podIdentity is needed"
type AzureKeyVault struct {
	// VaultURI is the URL of the vault, such as https://orders.vault.azure.net.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	VaultURI string `json:"vaultUri"`
	// Credentials are those of an application in Microsoft Entra. They are used without podIdentity.
	// +optional
	Credentials *AzureKeyVaultCredentials `json:"credentials,omitempty"`
	// PodIdentity is the identity of the KEDA bridge with which the vault is read. Its provider is azure-workload.
	// +optional
	PodIdentity *PodIdentity `json:"podIdentity,omitempty"`
	// Cloud is the cloud of the tenant. Default: AzurePublicCloud.
	// +optional
	Cloud *AzureKeyVaultCloud `json:"cloud,omitempty"`
	// Secrets lists the parameters, each with the secret that is its value.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Secrets []AzureKeyVaultSecret `json:"secrets"`
}

// AzureKeyVaultCredentials are those of an application in Microsoft Entra.
type AzureKeyVaultCredentials struct {
	// ClientID is the client ID of the application.
	// +kubebuilder:validation:MinLength=1
	ClientID string `json:"clientId"`
	// TenantID is the tenant of the application.
	// +kubebuilder:validation:MinLength=1
	TenantID string `json:"tenantId"`
	// ClientSecret is the key of a Secret that has the application's secret.
	ClientSecret SecretSource `json:"clientSecret"`
}

// AzureKeyVaultCloud is a cloud of Azure.
type AzureKeyVaultCloud struct {
	// Type is AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud or Private.
	// +kubebuilder:validation:MinLength=1
	Type string `json:"type"`
	// KeyVaultResourceURL is the service that a token is for. The cloud Private needs it.
	// +optional
	KeyVaultResourceURL string `json:"keyVaultResourceURL,omitempty"`
	// ActiveDirectoryEndpoint is the URL of the authority. The cloud Private needs it.
	// +optional
	ActiveDirectoryEndpoint string `json:"activeDirectoryEndpoint,omitempty"`
}

// AzureKeyVaultSecret defines a secret of an AzureKeyVault as the source of one parameter.
type AzureKeyVaultSecret struct {
	// Parameter is the name of the parameter, such as password.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// Name is the name of the secret.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Version is its version. Default: the newest one.
	// +optional
	Version string `json:"version,omitempty"`
}

// GCPSecretManager is the Secret Manager of a project of Google Cloud, and the parameters that are secrets there. The project is that of the
// credentials or of the identity.
//
// +kubebuilder:validation:XValidation:rule="has(self.credentials) || has(self.podIdentity) && self.podIdentity.provider != 'none'",message="credentials or a podIdentity is needed"
type GCPSecretManager struct {
	// Credentials are those of a Google service account. They are used without podIdentity.
	// +optional
	Credentials *GCPCredentials `json:"credentials,omitempty"`
	// PodIdentity is the identity of the KEDA bridge with which the secrets are read. Its provider is gcp.
	// +optional
	PodIdentity *PodIdentity `json:"podIdentity,omitempty"`
	// Secrets lists the parameters, each with the secret that is its value.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Secrets []GCPSecretManagerSecret `json:"secrets"`
}

// GCPCredentials are those of a Google service account.
type GCPCredentials struct {
	// ClientSecret is the key of a Secret that has the account's key, in JSON.
	ClientSecret SecretSource `json:"clientSecret"`
}

// GCPSecretManagerSecret defines a secret of a GCPSecretManager as the source of one parameter.
type GCPSecretManagerSecret struct {
	// Parameter is the name of the parameter, such as password.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// ID is the ID of the secret in its project.
	// +kubebuilder:validation:MinLength=1
	ID string `json:"id"`
	// Version is its version. Default: latest.
	// +optional
	Version string `json:"version,omitempty"`
}

// AWSSecretManager is the AWS Secrets Manager of a region, and the parameters that are secrets there.
//
// +kubebuilder:validation:XValidation:rule="has(self.credentials) || has(self.podIdentity) && self.podIdentity.provider != 'none'",message="credentials or a podIdentity is needed"
type AWSSecretManager struct {
	// Region is the region, such as eu-west-1. Default: that of the KEDA bridge.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Region string `json:"region,omitempty"`
	// Credentials are an access key. They are used without podIdentity.
	// +optional
	Credentials *AWSSecretManagerCredentials `json:"credentials,omitempty"`
	// PodIdentity is the identity of the KEDA bridge with which the secrets are read. Its provider is aws.
	// +optional
	PodIdentity *PodIdentity `json:"podIdentity,omitempty"`
	// Secrets lists the parameters, each with the secret that is its value.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Secrets []AWSSecretManagerSecret `json:"secrets"`
}

// AWSSecretManagerCredentials are an access key of AWS.
type AWSSecretManagerCredentials struct {
	// AccessKey is the key of a Secret that has the ID of the access key.
	AccessKey SecretSource `json:"accessKey"`
	// AccessSecretKey is the key of a Secret that has the secret access key.
	AccessSecretKey SecretSource `json:"accessSecretKey"`
	// AccessToken is the key of a Secret that has the session token of a temporary access key.
	// +optional
	AccessToken *SecretSource `json:"accessToken,omitempty"`
}

// AWSSecretManagerSecret defines a secret of an AWSSecretManager as the source of one parameter.
type AWSSecretManagerSecret struct {
	// Parameter is the name of the parameter, such as password.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// Name is the name or the ARN of the secret.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// VersionID is the ID of its version. Default: the one with the stage versionStage.
	// +optional
	VersionID string `json:"versionId,omitempty"`
	// VersionStage is the stage of its version. Default: AWSCURRENT.
	// +optional
	VersionStage string `json:"versionStage,omitempty"`
	// SecretKey is a key in the JSON object that the secret is. Its value must be a text. Default: the whole secret.
	// +optional
	SecretKey string `json:"secretKey,omitempty"`
}
