package store

import "strings"

// Endpoint identifies where a delivery was received: a receiver of alerts, by its namespace ("" for the cluster-wide receiver) and the name of the
// sender's credential, or a trigger endpoint, by its object and trigger, whatever the credential.
type Endpoint struct{ Namespace, Credential, Object, Trigger string }

// String is the endpoint's name in records: NAMESPACE/CREDENTIAL for a receiver, NAMESPACE//OBJECT/TRIGGER for a trigger endpoint. No
// part of it contains a slash.
func (e Endpoint) String() string {
	if e.Object == "" {
		return e.Namespace + "/" + e.Credential
	}
	return e.Namespace + "//" + e.Object + "/" + e.Trigger
}

// ParseEndpoint parses the name of an endpoint. Any text is the name of one.
func ParseEndpoint(name string) Endpoint {
	namespace, rest, _ := strings.Cut(name, "/")
	path, ok := strings.CutPrefix(rest, "/")
	if !ok {
		return Endpoint{Namespace: namespace, Credential: rest}
	}
	object, trigger, _ := strings.Cut(path, "/")
	return Endpoint{Namespace: namespace, Object: object, Trigger: trigger}
}

// namespaceOf returns the namespace of an endpoint's name, and whether it is a trigger endpoint.
func namespaceOf(endpoint string) (namespace string, isTrigger bool) {
	namespace, rest, _ := strings.Cut(endpoint, "/")
	return namespace, strings.HasPrefix(rest, "/")
}
