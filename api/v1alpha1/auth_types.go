package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TriggerAuthentication holds the credentials of triggers in its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=ta,categories=impulse
type TriggerAuthentication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec TriggerAuthenticationSpec `json:"spec"`
}

// ClusterTriggerAuthentication holds credentials for triggers of the namespaces that it names; its Secrets are in Impulse's own.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cta,categories=impulse
type ClusterTriggerAuthentication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ClusterTriggerAuthenticationSpec `json:"spec"`
}

// ClusterTriggerAuthenticationSpec says where each parameter comes from, and who may use it for what: a trigger sends the
// credentials to the server that its object's author wrote.
type ClusterTriggerAuthenticationSpec struct {
	TriggerAuthenticationSpec `json:",inline"`

	// AllowedNamespaces are the namespaces whose triggers may use it; "*" is every namespace. None may by default.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
	// +listType=set
	// +optional
	AllowedNamespaces []string `json:"allowedNamespaces,omitempty"`
	// AllowedHosts are the only servers that the credentials are sent to, as HOST for any port of it, or HOST:PORT. They may
	// be sent to any server by default.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=259
	// +listType=set
	// +optional
	AllowedHosts []string `json:"allowedHosts,omitempty"`
}

// EveryNamespace allows every namespace to use a ClusterTriggerAuthentication.
const EveryNamespace = "*"

// TriggerAuthenticationSpec says where each parameter comes from.
type TriggerAuthenticationSpec struct {
	// +kubebuilder:validation:MaxItems=32
	// +optional
	SecretTargetRef []SecretTargetRef `json:"secretTargetRef,omitempty"`
}

// SecretTargetRef takes one parameter from a key of a Secret.
type SecretTargetRef struct {
	// +kubebuilder:validation:MinLength=1
	Parameter string `json:"parameter"`
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
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
