// Package workload is the trigger on the number of pods: those of the object's namespace that a label selector selects and that have not
// finished.
//
// It is pushed: the pods come from a watch, so a new pod is an event.
package workload
