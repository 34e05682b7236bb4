// Package e2e tests Impulse as its users run it: the built binary, a real API server, a real Alertmanager, Prometheus
// and NATS server.
package e2e
