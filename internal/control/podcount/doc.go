// Package podcount counts the pods of a namespace that a label selector selects and that have not finished. The pods come from one watch
// per namespace, which runs while something is counted in the namespace.
package podcount
