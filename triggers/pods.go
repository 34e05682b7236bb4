package triggers

import "github.com/impulse-sh/impulse/scalers"

// Pod is one pod of the target, as it is at the moment.
type Pod struct {
	Name string
	// State is what is true of the pod itself. What is measured of it (Sampled, HasRequest and so on) is for the trigger to
	// fill in.
	State scalers.Pod
	// Requests are those of the pod as a whole, when PodLevel; otherwise only its containers have some.
	PodLevel bool
	Requests Requests
	// Containers are those that run as long as the pod does. They are shared and must not be changed.
	Containers []Container
}

// Container is one container of a pod.
type Container struct {
	Name     string
	Requests Requests
}

// Requests are amounts of cores and bytes; negative for a resource that is not requested.
type Requests struct{ CPU, Memory scalers.Milli }
