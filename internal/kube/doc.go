// Package kube is the folder of packages for the API server of Kubernetes: config finds it, and watch keeps copies of its objects.
package kube
