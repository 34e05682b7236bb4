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

// TriggerAuthenticationSpec defines the source of each parameter.
type TriggerAuthenticationSpec struct {
	// SecretTargetRef lists the parameters, each with the key of a Secret.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	SecretTargetRef []SecretTargetRef `json:"secretTargetRef,omitempty"`
}

// SecretTargetRef defines a key of a Secret as the source of one parameter.
type SecretTargetRef struct {
	// Parameter is the name of the parameter, such as bearerToken.
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
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
