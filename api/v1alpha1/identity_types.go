package v1alpha1

// Providers of a PodIdentity.
const (
	IdentityAzure  = "azure-workload"
	IdentityGoogle = "gcp"
	IdentityAWS    = "aws"
	IdentityEKS    = "aws-eks"
	IdentityNone   = "none"
)

// IdentityOfWorkload is the IdentityOwner that means the role of the target's service account.
const IdentityOfWorkload = "workload"

// RoleAnnotation is the annotation of a service account that has the ARN of its role in AWS.
const RoleAnnotation = "eks.amazonaws.com/role-arn"

// PodIdentity is the identity in a cloud that the Pod of impulse-keda-bridge has, or that it may assume.
//
// +kubebuilder:validation:XValidation:rule="!has(self.roleArn) || !has(self.identityOwner) || self.identityOwner != 'workload'",message="roleArn and identityOwner workload exclude each other"
// +kubebuilder:validation:XValidation:rule="!has(self.externalID) || has(self.roleArn)",message="externalID needs a roleArn"
// +kubebuilder:validation:XValidation:rule="!has(self.identityAuthorityHost) || has(self.identityTenantId)",message="identityAuthorityHost needs an identityTenantId"
type PodIdentity struct {
	// Provider is azure-workload, gcp, aws, aws-eks, or none for no identity.
	// +kubebuilder:validation:Enum=azure-workload;gcp;aws;aws-eks;none
	Provider string `json:"provider"`
	// IdentityID is the client ID of the identity, for azure-workload. Default: the one of the Pod.
	// +kubebuilder:validation:MinLength=1
	// +optional
	IdentityID string `json:"identityId,omitempty"`
	// IdentityTenantID is its tenant, for azure-workload. Default: the one of the Pod.
	// +kubebuilder:validation:MinLength=1
	// +optional
	IdentityTenantID string `json:"identityTenantId,omitempty"`
	// IdentityAuthorityHost is the URL of the tenant's authority, for azure-workload. Default: the one of the Pod.
	// +kubebuilder:validation:MinLength=1
	// +optional
	IdentityAuthorityHost string `json:"identityAuthorityHost,omitempty"`
	// RoleARN is the role that is assumed, for aws. Default: none, unless identityOwner is workload.
	// +kubebuilder:validation:MinLength=1
	// +optional
	RoleARN string `json:"roleArn,omitempty"`
	// ExternalID is the external ID with which the role of roleArn is assumed.
	// +kubebuilder:validation:MinLength=1
	// +optional
	ExternalID string `json:"externalID,omitempty"`
	// IdentityOwner is keda, or workload to assume the role of the target's service account, for aws. With aws-eks it is always that role.
	// Default: keda.
	// +kubebuilder:validation:Enum=keda;workload
	// +optional
	IdentityOwner string `json:"identityOwner,omitempty"`
}

// AzureServicePrincipal is an application in Microsoft Entra, for the triggers of Azure.
type AzureServicePrincipal struct {
	// TenantID is the tenant of the application.
	// +kubebuilder:validation:MinLength=1
	TenantID string `json:"tenantId"`
	// ClientID is the client ID of the application.
	// +kubebuilder:validation:MinLength=1
	ClientID string `json:"clientId"`
	// Cloud is the cloud of the tenant. Default: AzurePublicCloud.
	// +optional
	Cloud string `json:"cloud,omitempty"`
	// ActiveDirectoryEndpoint is the URL of the authority. The cloud Private needs it.
	// +optional
	ActiveDirectoryEndpoint string `json:"activeDirectoryEndpoint,omitempty"`
	// ClientSecret is the key of a Secret that has the application's secret.
	// +optional
	ClientSecret *SecretSource `json:"clientSecret,omitempty"`
	// ClientCertificate is the key of a Secret that has the application's certificate and its key.
	// +optional
	ClientCertificate *SecretSource `json:"clientCertificate,omitempty"`
	// ClientCertificatePassword is the key of a Secret that has the password of the certificate.
	// +optional
	ClientCertificatePassword *SecretSource `json:"clientCertificatePassword,omitempty"`
}

// SecretSource defines where a secret is.
type SecretSource struct {
	// ValueFrom refers to it.
	ValueFrom SecretValue `json:"valueFrom"`
}
