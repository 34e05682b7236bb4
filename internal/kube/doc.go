// Package kube is the folder of what the processes share when they talk to an API server.
package kube
