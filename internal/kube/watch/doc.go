// Package watch keeps trimmed copies of Kubernetes objects up to date, each shared by everything that reads it: a Cache holds the
// objects of one list and watch, a Pool runs each Cache while references to it are held, and it notifies each Subscriber of changes.
package watch
