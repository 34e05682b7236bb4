package triggers

// Service names a Service of Kubernetes.
type Service struct{ Namespace, Name string }

// ServiceEndpoint is one pod, or another server, that a Service sends connections to because it is ready.
type ServiceEndpoint struct {
	// Address is its IP address.
	Address string
	// Ports are the TCP ports to which the Service sends connections. None means all ports.
	Ports []int32
}
