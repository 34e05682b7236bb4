package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TriggerAuthentication defines credentials for the triggers in its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=ta,categories=impulse
type TriggerAuthentication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec TriggerAuthenticationSpec `json:"spec"`
}

// ClusterTriggerAuthentication defines credentials for the triggers in the namespaces that it allows. Its Secrets are in Impulse's
// own namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cta,categories=impulse
type ClusterTriggerAuthentication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ClusterTriggerAuthenticationSpec `json:"spec"`
}

// ClusterTriggerAuthenticationSpec defines the source of each parameter, the namespaces that may use the credentials, and the servers to
// which they may be sent. The namespaces and the servers can be limited, because the author of a ScaledObject chooses the server.
type ClusterTriggerAuthenticationSpec struct {
	TriggerAuthenticationSpec `json:",inline"`

	// AllowedNamespaces are the namespaces whose triggers may use it; "*" means every namespace. Default: none.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
	// +listType=set
	// +optional
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty"`
	// AllowedHosts are the servers to which the credentials may be sent: HOST for any of its ports, or HOST:PORT. Default: any server.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=259
	// +listType=set
	// +optional
	AllowedHosts []string `json:"allowedHosts,omitempty"`
}

// EveryNamespace allows every namespace to use a ClusterTriggerAuthentication.
const EveryNamespace = "*"

// TriggerAuthenticationSpec defines the source of each parameter. If several define the same parameter, the last in the order of these
// fields does. Objects are those of the namespace of a TriggerAuthentication, and of Impulse's own namespace for a
// ClusterTriggerAuthentication.
type TriggerAuthenticationSpec struct {
	// Env lists the parameters that are environment variables of a container of the target, in the namespace of the trigger.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Env []EnvironmentRef `json:"env,omitempty"`
	// ConfigMapTargetRef lists the parameters, each with the key of a ConfigMap.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	ConfigMapTargetRef []KeyRef `json:"configMapTargetRef,omitempty"`
	// SecretTargetRef lists the parameters, each with the key of a Secret.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	SecretTargetRef []KeyRef `json:"secretTargetRef,omitempty"`
	// HashiCorpVault is a server of HashiCorp Vault with the parameters that are its secrets.
	// +optional
	HashiCorpVault *HashiCorpVault `json:"hashiCorpVault,omitempty"`
	// AzureKeyVault is a vault of Azure Key Vault with the parameters that are its secrets. The KEDA bridge reads it.
	// +optional
	AzureKeyVault *AzureKeyVault `json:"azureKeyVault,omitempty"`
	// GCPSecretManager is a Secret Manager of Google Cloud with the parameters that are its secrets. The KEDA bridge reads it.
	// +optional
	GCPSecretManager *GCPSecretManager `json:"gcpSecretManager,omitempty"`
	// AWSSecretManager is an AWS Secrets Manager with the parameters that are its secrets. The KEDA bridge reads it.
	// +optional
	AWSSecretManager *AWSSecretManager `json:"awsSecretManager,omitempty"`
	// BoundServiceAccountToken lists the parameters that are tokens of service accounts, which the API server issues for one hour.
	// +kubebuilder:validation:MaxItems=8
	// +optional
	BoundServiceAccountToken []ServiceAccountTokenRef `json:"boundServiceAccountToken,omitempty"`
	// OAuth2 is a client of an OAuth 2 server. It defines the parameters oauthTokenURI, clientID, clientSecret, scopes and
	// endpointParams of triggers with authModes oauth.
	// +optional
	OAuth2 *OAuth2 `json:"oauth2,omitempty"`
	// AzureServicePrincipal is an application in Microsoft Entra, for the triggers of Azure that the KEDA bridge serves.
	// +optional
	AzureServicePrincipal *AzureServicePrincipal `json:"azureServicePrincipal,omitempty"`
	// PodIdentity is an identity in a cloud, for triggers that the KEDA bridge serves. It is used with any of the other fields.
	// +optional
	PodIdentity *PodIdentity `json:"podIdentity,omitempty"`
	// FilePath is a JSON file with an object of texts, each one parameter. It is relative to the folder of impulse run
	// --filepath-root, in which a TriggerAuthentication reads only files below the folder of its namespace. It is the only source of parameters then.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	FilePath string `json:"filePath,omitempty"`
}

// KeyRef defines a key of a Secret or ConfigMap as the source of one parameter.
type KeyRef struct {
	// Parameter is the name of the parameter, such as bearerToken.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// Name is the name of the object.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Key is the key in its data.
	// +kubebuilder:validation:MinLength=1
	Key string `json:"key"`
}

// EnvironmentRef defines an environment variable as the source of one parameter. A variable with a valueFrom has the value of the Secret
// or ConfigMap.
type EnvironmentRef struct {
	// Parameter is the name of the parameter, such as password.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// Name is the name of the variable.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// ContainerName is the container of the target. Default: its first one.
	// +optional
	ContainerName string `json:"containerName,omitempty"`
}

// ServiceAccountTokenRef defines a token of a service account as the source of one parameter.
type ServiceAccountTokenRef struct {
	// Parameter is the name of the parameter, such as bearerToken.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// ServiceAccountName is the name of the service account.
	// +kubebuilder:validation:MinLength=1
	ServiceAccountName string `json:"serviceAccountName"`
	// Audience is the intended recipient of the token. Default: the API server; every server that receives the token can then use it there.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Audience string `json:"audience,omitempty"`
}

// OAuth2 defines a client with the grant type client_credentials.
type OAuth2 struct {
	// Type is the grant type.
	// +kubebuilder:validation:Enum=clientCredentials
	// +optional
	Type string `json:"type,omitempty"`
	// ClientID is the identifier of the client.
	// +kubebuilder:validation:MinLength=1
	ClientID string `json:"clientId"`
	// ClientSecret is the key of a Secret that has the client's secret.
	ClientSecret OAuth2ClientSecret `json:"clientSecret"`
	// TokenURL is the URL of the server's token endpoint.
	// +kubebuilder:validation:MinLength=1
	TokenURL string `json:"tokenUrl"`
	// Scopes are the scopes that the client asks for.
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Scopes []string `json:"scopes,omitempty"`
	// TokenURLParams are further parameters of the request.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	TokenURLParams map[string]string `json:"tokenUrlParams,omitempty"`
}

// OAuth2ClientSecret defines where a client's secret is.
type OAuth2ClientSecret struct {
	// ValueFrom refers to it.
	ValueFrom SecretValue `json:"valueFrom"`
}

// SecretValue refers to a value in a Secret.
type SecretValue struct {
	// SecretKeyRef is the key of a Secret.
	SecretKeyRef SecretKeyRef `json:"secretKeyRef"`
}

// SecretKeyRef is the key of a Secret.
type SecretKeyRef struct {
	// Name is the name of the Secret.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Key is the key in the data of the Secret.
	// +kubebuilder:validation:MinLength=1
	Key string `json:"key"`
}

// TriggerAuthenticationList is a list of TriggerAuthentications.
//
// +kubebuilder:object:root=true
type TriggerAuthenticationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TriggerAuthentication `json:"items"`
}

// ClusterTriggerAuthenticationList is a list of ClusterTriggerAuthentications.
//
// +kubebuilder:object:root=true
type ClusterTriggerAuthenticationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterTriggerAuthentication `json:"items"`
}
