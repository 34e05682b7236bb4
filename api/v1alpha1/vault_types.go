package v1alpha1

// Ways to sign in to a HashiCorpVault.
const (
	VaultToken      = "token"
	VaultKubernetes = "kubernetes"
)

// Types of a VaultSecret.
const (
	VaultKV1 = "secret"
	VaultKV2 = "secretV2"
	VaultPKI = "pki"
)

// HashiCorpVault is a server of HashiCorp Vault, or of OpenBao, and the parameters that are secrets there.
//
// +kubebuilder:validation:XValidation:rule="self.authentication != 'kubernetes' || has(self.role) && has(self.mount)",message="the authentication kubernetes needs role and mount"
type HashiCorpVault struct {
	// Address is the URL of the server, such as https://vault.vault:8200.
	// +kubebuilder:validation:MinLength=1
	Address string `json:"address"`
	// Authentication is token or kubernetes.
	// +kubebuilder:validation:Enum=token;kubernetes
	Authentication string `json:"authentication"`
	// Namespace is the namespace in the server. Default: the root namespace.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Role is the role of the authentication kubernetes.
	// +optional
	Role string `json:"role,omitempty"`
	// Mount is the path at which the authentication kubernetes is mounted, such as kubernetes.
	// +optional
	Mount string `json:"mount,omitempty"`
	// Credential is what proves to the server who asks.
	// +optional
	Credential *VaultCredential `json:"credential,omitempty"`
	// Secrets lists the parameters, each with the place of its value.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Secrets []VaultSecret `json:"secrets"`
}

// VaultCredential is what proves to a HashiCorpVault who asks.
//
// +kubebuilder:validation:XValidation:rule="!has(self.token) || !has(self.tokenFrom)",message="token and tokenFrom exclude each other"
type VaultCredential struct {
	// Token is the token of the authentication token. Everybody who may read this object can read it: tokenFrom is safer.
	// +optional
	Token string `json:"token,omitempty"`
	// TokenFrom is the key of a Secret that has the token.
	// +optional
	TokenFrom *SecretKeyRef `json:"tokenFrom,omitempty"`
	// ServiceAccountName is the service account of the authentication kubernetes. The API server issues a token of it.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// ServiceAccount is a file with the token of the authentication kubernetes, in place of serviceAccountName. It is read like filePath:
	// below impulse run --filepath-root.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	ServiceAccount string `json:"serviceAccount,omitempty"`
	// Audience is the intended recipient of the token that is issued. Default: the API server; the vault can then use it there.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Audience string `json:"audience,omitempty"`
}

// VaultSecret defines a secret of a HashiCorpVault as the source of one parameter.
type VaultSecret struct {
	// Parameter is the name of the parameter, such as password.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// Path is the path of the secret as in the server's API, such as secret/data/orders for version 2 of the key-value engine.
	// +kubebuilder:validation:MinLength=1
	Path string `json:"path"`
	// Key is the key in the secret. Its value must be a text.
	// +kubebuilder:validation:MinLength=1
	Key string `json:"key"`
	// Type is secret or secretV2 for the versions of the key-value engine, or pki. Default: one of the first two, by the answer.
	// +kubebuilder:validation:Enum="";secret;secretV2;pki
	// +optional
	Type string `json:"type,omitempty"`
	// PKIData is the certificate that is to be issued, for the type pki.
	// +optional
	PKIData *VaultPKIData `json:"pkiData,omitempty"`
}

// VaultPKIData describes a certificate that a HashiCorpVault issues.
type VaultPKIData struct {
	// CommonName is its common name.
	// +optional
	CommonName string `json:"commonName,omitempty"`
	// AltNames are its other host names and email addresses, separated by commas.
	// +optional
	AltNames string `json:"altNames,omitempty"`
	// IPSans are its IP addresses, separated by commas.
	// +optional
	IPSans string `json:"ipSans,omitempty"`
	// URISans are its URIs, separated by commas.
	// +optional
	URISans string `json:"uriSans,omitempty"`
	// OtherSans are its other names, as OID;TYPE:VALUE, separated by commas.
	// +optional
	OtherSans string `json:"otherSans,omitempty"`
	// TTL is how long it is valid, such as 24h.
	// +optional
	TTL string `json:"ttl,omitempty"`
	// Format is pem, pem_bundle or der.
	// +optional
	Format string `json:"format,omitempty"`
}
