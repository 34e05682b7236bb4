package triggers

import "github.com/impulse-sh/impulse/scalers"

// Pod is one pod of the target in its current state.
type Pod struct {
	Name string
	// State has the fields that are known from the pod itself. The trigger sets those that are measured, such as Sampled and HasRequest.
	State scalers.Pod
	// Requests are the requests of the whole pod if PodLevel is true. Otherwise only its containers have requests.
	PodLevel bool
	Requests Requests
	// Containers are the containers that run as long as the pod does. The slice is shared and must not be changed.
	Containers []Container
}

// Container is one container of a pod.
type Container struct {
	Name     string
	Requests Requests
}

// Requests are requested cores and bytes. A negative value means that the resource is not requested.
type Requests struct{ CPU, Memory scalers.Milli }

// PodQuery selects pods that have not finished: their phase is neither Succeeded nor Failed.
type PodQuery struct {
	Namespace string
	// Selector is a label selector; "" selects all pods.
	Selector string
	// ByNode counts the nodes on which the pods are instead of the pods.
	ByNode bool
}
