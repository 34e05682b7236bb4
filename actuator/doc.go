// Package actuator reads and writes the replica counts of workloads through the Scale subresource, and nothing else.
//
// Counts are read from one trimmed watch per kind, shared by all targets of that kind: it starts with the first target
// and ends with the last. So do the watches of HorizontalPodAutoscalers and, if a target asks for them, of pods. Counts are
// written with a JSON Patch that the API server applies only if the target is still as it was observed.
package actuator
