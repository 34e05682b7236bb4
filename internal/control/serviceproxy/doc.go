// Package serviceproxy reads what the leader knows about objects through the API server's proxy for Services, for commands that have a kubeconfig and no
// other way to Impulse. See docs/design/0020-live-values-by-the-service-proxy.md.
package serviceproxy
