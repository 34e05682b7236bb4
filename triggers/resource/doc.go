// Package resource reads the cpu and memory usage of pods, as a HorizontalPodAutoscaler does: from the resource metrics API, which
// metrics-server usually serves.
//
// It has two kinds, cpu and memory. Both are sampled: a namespace is read once per pollingInterval for all triggers of its objects with the
// same pollingInterval, and each trigger selects the pods of its own target.
package resource
